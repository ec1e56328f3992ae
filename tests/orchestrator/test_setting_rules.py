"""Rules between settings; what one setting alone may be is tested with ``orchestrator.config``."""

from pathlib import Path
from typing import Any

import pytest

from orchestrator.config import OrchestratorSettings
from orchestrator.people.claims import mapped
from orchestrator.people.roles import Role
from orchestrator.rights import OperatorLogin
from orchestrator.setting_rules import is_endpoint

S3 = {"bundle_url": "s3://bucket/fleet"}


@pytest.mark.parametrize(
    ("given", "mistake"),
    [
        ({**S3, "bundle_folder": "/x"}, "cannot both be"),
        ({"bundle_endpoint": "https://s3.example"}, "means nothing without bundle_url"),
        ({"bundle_access_key": "a", "bundle_secret_key": "b"}, "means nothing without bundle_url"),
        ({**S3, "bundle_access_key": "a"}, "go together"),
        ({**S3, "bundle_secret_key": "b"}, "go together"),
        ({**S3, "bundle_endpoint": "s3.example"}, "bundle_endpoint is not of the form"),
        ({"federation_address": "here:8444"}, "means nothing without federation_job"),
        ({"federation_job": Path("j"), "federation_address": "h h:1"}, "federation_address: "),
        ({"operator_token": "t" * 16, "operator_login": OperatorLogin.KUBERNETES}, "opens nothing"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    given: dict[str, str], mistake: str
) -> None:
    with pytest.raises(ValueError, match=mistake):
        OrchestratorSettings(**given)


@pytest.mark.parametrize(
    ("url", "bucket"),
    [
        ("", None),
        ("s3://bucket", ("bucket", "")),
        ("s3://bucket/", ("bucket", "")),
        ("s3://bucket/fleet", ("bucket", "fleet")),
        ("s3://bucket/of/fleets/", ("bucket", "of/fleets")),
    ],
)
def test_a_bundle_url_names_a_bucket_and_what_its_names_begin_with(
    url: str, bucket: tuple[str, str] | None
) -> None:
    assert OrchestratorSettings(bundle_url=url).bucket == bucket


@pytest.mark.parametrize(
    "text",
    ["https://s3.example", "http://seaweedfs.fleet.svc:8333", "http://[::1]:8333", "http://h/"],
)
def test_an_endpoint_is_scheme_host_and_port(text: str) -> None:
    assert is_endpoint(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no url",
        "s3.example",
        "ftp://h",
        "https://",
        "https://h/path",
        "https://h?x=1",
        "https://h#x",
        "https://user:hush@h",
        "https://h:port",
        "https://h:0",
        "https://h:99999",
        "https://[::1",
        "https://h h",
    ],
)
def test_anything_else_is_no_endpoint(text: str) -> None:
    assert not is_endpoint(text)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"operator_login": "oidc"}, "oidc_issuer is needed"),
        ({"operator_login": "oidc", "oidc_issuer": "https://a"}, "gives nobody a role"),
        (
            {"operator_login": "oidc", "oidc_issuer": "https://a", "oidc_roles": ("a=root",)},
            "VALUE=ROLE",
        ),
        (
            {"operator_login": "oidc", "oidc_issuer": "https://a", "oidc_roles": ("a=admin",) * 2},
            "is mapped twice",
        ),
        *(
            (
                {"operator_login": "oidc", "oidc_issuer": bad, "oidc_roles": ("a=admin",)},
                "oidc_issuer is not of the form",
            )
            for bad in ("https://[::1", "https://a:99999", "https://a@b", "https://a#b", "https://")
        ),
        ({"oidc_issuer": "https://a"}, "means nothing without operator_login = oidc"),
        (
            {
                "operator_login": "oidc",
                "oidc_issuer": "https://a",
                "oidc_roles": ("a=admin",),
                "operator_token": "t" * 43,
            },
            "opens nothing",
        ),
    ],
)
def test_a_login_by_an_issuer_that_lets_nobody_or_everybody_in_is_refused(
    given: dict[str, Any], told: str
) -> None:
    login = OperatorLogin(given.pop("operator_login", "token"))
    with pytest.raises(ValueError, match=told):
        OrchestratorSettings(operator_login=login, **given)


def test_a_value_of_a_claim_may_have_an_equals_sign() -> None:
    found = mapped(["cn=admins,dc=example=admin", "w=viewer"])
    assert found == {"cn=admins,dc=example": Role.ADMIN, "w": Role.VIEWER}
