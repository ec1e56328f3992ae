from google.protobuf.descriptor_pool import Default

from orchestrator.rights import RIGHTS, Resource, Right, Verb
from orchestrator.rpc.interceptors import OPERATOR_SERVICES

SERVICES = [Default().FindServiceByName(each) for each in sorted(OPERATOR_SERVICES)]
METHODS = {each.name: each for service in SERVICES for each in service.methods}
CHANGING = {Verb.CREATE, Verb.UPDATE, Verb.DELETE}


def test_every_method_of_the_operator_api_needs_a_right_and_no_other_name_has_one() -> None:
    assert set(RIGHTS) == set(METHODS)
    assert len(METHODS) == sum(len(each.methods) for each in SERVICES)


def test_what_only_looks_is_get_or_list_and_what_changes_is_not() -> None:
    looks = {name for name in METHODS if name.startswith(("Get", "List", "Explain"))}
    looks |= {"ExportAudit", "ExportMetadata"} & set(METHODS)
    for name, right in RIGHTS.items():
        assert (right.verb in CHANGING) is not (name in looks - {"ListPreviewedDevices"}), name


def test_a_preview_needs_what_the_rollout_would() -> None:
    assert RIGHTS["ListPreviewedDevices"] == RIGHTS["StartRollout"]


def test_every_resource_is_somebody_s_to_look_at() -> None:
    """One that may be changed and not seen would leave a viewer's role with a gap."""
    seen = {right.resource for right in RIGHTS.values() if right.verb not in CHANGING}
    assert seen == set(Resource) - {Resource.SETTINGS}


def test_a_right_reads_as_it_is_told() -> None:
    assert str(Right(Verb.DELETE, Resource.TICKETS)) == "delete tickets"
