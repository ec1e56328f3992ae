"""Which proxy a connection goes through."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.proxies import Proxy, chosen_proxy, is_excepted, parse_proxy

HERE = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://proxy.example:8080", Proxy("proxy.example", 8080)),
        ("proxy.example:8080", Proxy("proxy.example", 8080)),
        ("http://proxy.example/", Proxy("proxy.example", 3128)),
        ("http://[::1]:3128", Proxy("::1", 3128)),
        ("http://ann:hush@proxy.example:1", Proxy("proxy.example", 1, "ann", "hush")),
        ("http://a%40b:p%3As%2Fs@10.0.0.1:1", Proxy("10.0.0.1", 1, "a@b", "p:s/s")),
    ],
)
def test_a_proxy_is_read_as_it_is_written(text: str, expected: Proxy) -> None:
    assert parse_proxy(text) == expected
    assert parse_proxy(expected.url) == expected


@pytest.mark.parametrize(
    "text",
    [
        "https://ann:hush@proxy.example:1",
        "socks5://ann:hush@proxy.example:1",
        "http://ann:hush@",
        "http://ann:hush@proxy.example:0",
        "http://ann:hush@proxy.example:70000",
        "http://ann:hush@proxy.example:port",
        "http://ann:hush@proxy.example:1/path",
        "http://ann:hush@proxy.example:1?query",
        "http://ann:hush%0d%0aX-Evil:1@proxy.example:1",
        "http://ann:hush@pro xy:1",
        "http://ann:hush@[::1",
        "http://ann:hush@proxy.example:1" + " " * 2000,
    ],
)
def test_what_is_no_proxy_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(FieldwiseError) as refused:
        parse_proxy(text)
    assert refused.value.fault is Fault.INVALID_ARGUMENT
    assert "hush" not in refused.value.sentence


@given(st.text(max_size=60))
def test_rubbish_is_refused_or_a_proxy_of_one_line(text: str) -> None:
    with suppress(FieldwiseError):
        found = parse_proxy(text)
        assert not set("\r\n") & set(found.url + str(found))


def test_a_proxy_is_shown_without_its_password() -> None:
    assert str(parse_proxy("http://ann:hush@proxy.example:1")) == "proxy.example:1"
    assert "hush" not in repr(parse_proxy("http://ann:hush@proxy.example:1"))


@pytest.mark.parametrize("name", ["grpc_proxy", "https_proxy", "HTTPS_PROXY", "http_proxy"])
def test_the_environment_names_a_proxy(name: str) -> None:
    assert chosen_proxy("fleet.example", "", {name: HERE}) == Proxy("proxy.example", 3128)


def test_a_web_servers_variable_names_none() -> None:
    """Whoever calls a CGI program chooses HTTP_PROXY, which is a header there."""
    assert chosen_proxy("fleet.example", "", {"HTTP_PROXY": HERE}) is None


def test_the_programs_own_setting_comes_first() -> None:
    environment = {"https_proxy": HERE}
    assert chosen_proxy("fleet.example", "http://own:1", environment) == Proxy("own", 1)
    assert chosen_proxy("fleet.example", "none", environment) is None


@pytest.mark.parametrize("name", ["no_grpc_proxy", "no_proxy", "NO_PROXY"])
@pytest.mark.parametrize("named", ["", "http://own:1"])
def test_an_exception_goes_before_every_proxy(name: str, named: str) -> None:
    environment = {"https_proxy": HERE, name: "fleet.example"}
    assert chosen_proxy("fleet.example", named, environment) is None
    assert chosen_proxy("other.example", named, environment) is not None


@pytest.mark.parametrize(
    ("host", "exceptions", "excepted"),
    [
        ("fleet.example", "example", True),
        ("fleet.example", ".example", True),
        ("fleet.example", "*.example", True),
        ("Fleet.Example.", "fleet.example", True),
        ("fleet.example", "leet.example", False),
        ("fleet.example", "a, b ,fleet.example", True),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("::1", "[::1]", True),
        ("fd00::1", "fd00::/8", True),
        ("anything", "*", True),
        ("anything", "", False),
        ("anything", ",,/8,//", False),
    ],
)
def test_exceptions_are_hosts_domains_and_networks(
    host: str, exceptions: str, excepted: bool
) -> None:
    assert is_excepted(host, exceptions) is excepted
