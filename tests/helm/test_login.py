"""Operators whom an issuer of OpenID Connect knows: what the program is told, what is refused."""

import pytest

from tests import charts

ISSUED = (
    'oidc.issuer="https://login.example.com"',
    'oidc.roles={"admins":"admin"}',
    "test.enabled=false",
)


def test_no_token_is_made_that_would_open_nothing() -> None:
    objects = charts.rendered("oidc")
    assert charts.of_kind(objects, "Secret") == []
    assert "FIELDWISE_OPERATOR_TOKEN" not in charts.environment(charts.the_container(objects))


def test_the_issuer_s_authorities_are_where_the_program_is_told_that_they_are() -> None:
    objects = charts.rendered("oidc")
    mounts = {each["mountPath"] for each in charts.the_container(objects)["volumeMounts"]}
    assert "/etc/fieldwise/oidc" in mounts
    told = charts.named(objects, "ConfigMap")["data"]["fieldwise.toml"]
    assert 'oidc_ca = "/etc/fieldwise/oidc/ca.crt"' in told
    plain = charts.named(charts.rendered_with("default", *ISSUED), "ConfigMap")
    assert "oidc_ca" not in plain["data"]["fieldwise.toml"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (("kubernetes.login.enabled=true", *ISSUED), "two ways to know operators"),
        ((*ISSUED, "oidc.roles=null"), "lets nobody do anything"),
        ((*ISSUED, 'operatorToken.existingSecret="own"'), "would open nothing"),
        ((*ISSUED, "test.enabled=true"), "has no token of oidc.issuer"),
        ((*ISSUED, 'oidc.issuer="http://login.example.com"'), "oidc"),
        ((*ISSUED, 'oidc.roles={"admins":"root"}'), "oidc"),
    ],
)
def test_what_would_let_nobody_in_or_the_wrong_ones_is_refused(
    settings: tuple[str, ...], told: str
) -> None:
    assert told in charts.refusal("default", *settings)
