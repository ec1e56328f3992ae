"""What the program asks of the cluster, and which rights it is given for it: no others."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator.kubernetes.jobs import read_form
from orchestrator.people.roles import Role, has
from orchestrator.rights import GROUP, RIGHTS, Resource, Right, Verb
from tests import charts

ROLES = ("Role", "ClusterRole")
BINDINGS = ("RoleBinding", "ClusterRoleBinding")
ELECTED = "kubernetes.leaderElection.enabled=true"
KNOWN = "kubernetes.login.enabled=true"
NAME = "edge-fieldwise"


def rules(objects: list[charts.Manifest], kind: str, name: str) -> list[charts.Manifest]:
    [role] = [each for each in charts.of_kind(objects, kind) if each["metadata"]["name"] == name]
    found: list[charts.Manifest] = role["rules"]
    return found


def kinds(objects: list[charts.Manifest]) -> set[str]:
    return {each["kind"] for each in objects}


def automounts(objects: list[charts.Manifest]) -> dict[str, bool]:
    return {name: spec["automountServiceAccountToken"] for name, _, spec in charts.pods(objects)}


@pytest.mark.parametrize("values", ["default", "replicas", "outside", "gitops", "evaluation"])
def test_an_installation_that_asks_the_cluster_for_nothing_has_no_rights_in_it(values: str) -> None:
    objects = charts.rendered(values)
    assert not kinds(objects) & {*ROLES, *BINDINGS, "Lease"}
    assert set(automounts(objects).values()) == {False}
    assert "kubernetes" not in charts.settings_file(objects)


def test_an_election_needs_one_lease_by_its_name_and_to_make_it_anew() -> None:
    objects = charts.rendered_with("default", ELECTED)
    assert rules(objects, "Role", f"{NAME}-election") == [
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": [NAME],
            "verbs": ["get", "update"],
        },
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    ]
    [lease] = charts.of_kind(objects, "Lease")
    assert lease["metadata"]["name"] == NAME
    assert "spec" not in lease, "what the program writes would be taken back by an upgrade"
    assert f'kubernetes_lease = "{NAME}"' in charts.settings_file(objects)
    assert not kinds(objects) & {"ClusterRole", "ClusterRoleBinding"}


def test_an_election_whose_rights_somebody_else_gives_has_a_lease_alone() -> None:
    objects = charts.rendered_with("default", ELECTED, "kubernetes.leaderElection.rbac=false")
    assert not kinds(objects) & {*ROLES, *BINDINGS}
    assert "Lease" in kinds(objects)


def test_aggregators_need_jobs_of_their_own_and_secrets_that_nobody_can_read_back() -> None:
    objects = charts.rendered_with("default", "federation.jobs.enabled=true")
    assert rules(objects, "Role", f"{NAME}-aggregators") == [
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list", "create", "delete"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        {
            "apiGroups": ["apps"],
            "resources": ["statefulsets"],
            "resourceNames": [NAME],
            "verbs": ["get"],
        },
    ]
    assert [name for name, told in automounts(objects).items() if told] == [f"StatefulSet/{NAME}"]
    assert not kinds(objects) & {"ClusterRole", "ClusterRoleBinding", "Lease"}


@pytest.mark.parametrize(
    ("values", "owner"), [("default", "StatefulSet"), ("kubernetes", "Deployment")]
)
def test_the_program_reads_what_a_job_is_like_from_the_file_that_the_chart_writes(
    tmp_path: Path, values: str, owner: str
) -> None:
    objects = charts.rendered_with(values, "federation.jobs.enabled=true")
    [settings, *_] = [
        each for each in charts.of_kind(objects, "ConfigMap") if "job.json" in each["data"]
    ]
    file = tmp_path / "job.json"
    file.write_text(settings["data"]["job.json"])
    form = read_form(file, NAME)
    assert form.owner == (owner, NAME)
    assert NAME in {each["metadata"]["name"] for each in charts.of_kind(objects, owner)}
    pod = form.template["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"]
    assert not pod["automountServiceAccountToken"]
    told = charts.settings_file(objects)
    assert f'federation_address = "{NAME}-operators.fleet.svc' in told
    assert 'federation_job = "/etc/fieldwise/job/job.json"' in told


def test_an_aggregator_reaches_the_operator_port_alone() -> None:
    objects = charts.rendered_with(
        "default",
        "federation.jobs.enabled=true",
        'networkPolicy.operatorsFrom=[{"podSelector":{}}]',
    )
    policies = {
        each["metadata"]["name"]: each["spec"] for each in charts.of_kind(objects, "NetworkPolicy")
    }
    own = policies[f"{NAME}-aggregators"]
    labels = own["podSelector"]["matchLabels"]
    names, orchestrator = own["egress"]
    assert {each["port"] for each in names["ports"]} == {53}
    assert [each["port"] for each in orchestrator["ports"]] == ["operators"]
    [operators] = [
        each for each in policies[NAME]["ingress"] if each["ports"][0]["port"] == "operators"
    ]
    assert {"podSelector": {"matchLabels": labels}} in operators["from"]


def test_a_login_needs_to_ask_two_questions_and_no_more() -> None:
    objects = charts.rendered_with("default", KNOWN)
    assert rules(objects, "ClusterRole", f"fleet-{NAME}-login") == [
        {
            "apiGroups": ["authentication.k8s.io"],
            "resources": ["tokenreviews"],
            "verbs": ["create"],
        },
        {
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["subjectaccessreviews"],
            "verbs": ["create"],
        },
    ]
    assert not charts.of_kind(objects, "Lease")


def test_a_login_whose_rights_somebody_else_gives_makes_none() -> None:
    settings = 'kubernetes.login={"enabled":true,"rbac":false,"roles":{"create":false}}'
    objects = charts.rendered_with("default", settings, "test.enabled=false")
    assert not kinds(objects) & {*ROLES, *BINDINGS}


def test_every_binding_is_of_a_role_that_is_there_to_an_account_that_is_there() -> None:
    objects = charts.rendered("kubernetes")
    roles = {(each["kind"], each["metadata"]["name"]) for each in objects if each["kind"] in ROLES}
    accounts = {each["metadata"]["name"] for each in charts.of_kind(objects, "ServiceAccount")}
    bound = [each for each in objects if each["kind"] in BINDINGS]
    assert len(bound) == 4
    for each in bound:
        assert (each["roleRef"]["kind"], each["roleRef"]["name"]) in roles
        [subject] = each["subjects"]
        assert subject["kind"] == "ServiceAccount"
        assert subject["name"] in accounts
        assert subject["namespace"] == charts.NAMESPACE


def test_roles_for_people_have_what_the_program_asks_for() -> None:
    objects = charts.rendered("kubernetes")
    for role in Role:
        given = rights_in(rules(objects, "ClusterRole", f"fleet-{NAME}-{role}"))
        assert given == {right for right in RIGHTS.values() if has(role, right)}
    tests = rights_in(rules(objects, "Role", f"{NAME}-selftest"))
    operators = {right for right in RIGHTS.values() if has(Role.OPERATOR, right)}
    assert tests == operators | {RIGHTS["DeleteDevice"]}


def rights_in(given: list[Any]) -> set[Right]:
    assert all(each["apiGroups"] == [GROUP] for each in given)
    return {
        Right(Verb(verb), Resource(resource))
        for each in given
        for resource in each["resources"]
        for verb in each["verbs"]
    }


def test_roles_for_people_are_part_of_the_cluster_s_own_where_that_is_asked_for() -> None:
    def labels(objects: list[charts.Manifest], role: str) -> Any:
        [found] = [
            each
            for each in charts.of_kind(objects, "ClusterRole")
            if each["metadata"]["name"] == f"fleet-{NAME}-{role}"
        ]
        return {name for name in found["metadata"]["labels"] if "aggregate" in name}

    objects = charts.rendered("kubernetes")
    assert labels(objects, "viewer") == {"rbac.authorization.k8s.io/aggregate-to-view"}
    assert labels(objects, "operator") == {"rbac.authorization.k8s.io/aggregate-to-edit"}
    assert labels(objects, "admin") == {"rbac.authorization.k8s.io/aggregate-to-admin"}
    apart = charts.rendered_with("default", KNOWN)
    assert labels(apart, "viewer") == labels(apart, "operator") == labels(apart, "admin") == set()


def test_only_the_pods_that_call_the_cluster_have_a_token_of_it() -> None:
    mounted = automounts(charts.rendered("kubernetes"))
    assert {name for name, mounts in mounted.items() if mounts} == {f"Deployment/{NAME}"}
    assert len(mounted) == 3


def test_the_test_of_an_installation_operates_by_a_token_for_this_program_alone() -> None:
    objects = charts.rendered("kubernetes")
    [spec] = [spec for name, _, spec in charts.pods(objects) if name.endswith("-selftest")]
    assert spec["serviceAccountName"] == f"{NAME}-selftest"
    [container] = spec["containers"]
    told = charts.environment(container)
    assert "FIELDWISE_TOKEN" not in told
    [token] = [each["projected"]["sources"] for each in spec["volumes"] if "projected" in each]
    assert token[0]["serviceAccountToken"]["audience"] == "fieldwise"
    [mount] = [each["mountPath"] for each in container["volumeMounts"] if each["name"] == "token"]
    assert told["FIELDWISE_TOKEN_FILE"] == f"{mount}/{token[0]['serviceAccountToken']['path']}"


def test_where_the_cluster_knows_operators_there_is_no_one_token() -> None:
    objects = charts.rendered_with("default", KNOWN)
    assert charts.of_kind(objects, "Secret") == []
    assert "FIELDWISE_OPERATOR_TOKEN" not in charts.environment(charts.the_container(objects))


def test_the_way_out_leads_to_the_cluster_s_api_where_it_is_asked() -> None:
    def ways(objects: list[charts.Manifest]) -> list[tuple[set[int], Any]]:
        policy = charts.named(objects, "NetworkPolicy")
        return [
            ({port["port"] for port in each["ports"]}, each.get("to"))
            for each in policy["spec"]["egress"]
        ]

    assert ({443, 6443}, [{"ipBlock": {"cidr": "10.0.0.1/32"}}]) in ways(
        charts.rendered("kubernetes")
    )
    egress = "networkPolicy.egress.enabled=true"
    assert ({443, 6443}, None) in ways(charts.rendered_with("default", egress, ELECTED))
    assert all(6443 not in ports for ports, _ in ways(charts.rendered_with("default", egress)))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ((KNOWN, 'operatorToken.existingSecret="own"'), "would open nothing"),
        ((ELECTED, "serviceAccount.create=false"), "which every Pod of the namespace has"),
        ((KNOWN, "serviceAccount.create=false"), "which every Pod of the namespace has"),
    ],
)
def test_what_would_open_too_much_or_nothing_is_refused(
    settings: tuple[str, ...], told: str
) -> None:
    assert told in charts.refusal("default", *settings)


def test_an_account_of_one_s_own_is_given_the_rights() -> None:
    objects = charts.rendered_with(
        "default", ELECTED, 'serviceAccount={"create":false,"name":"own"}'
    )
    [binding] = charts.of_kind(objects, "RoleBinding")
    assert [each["name"] for each in binding["subjects"]] == ["own"]
