"""What a build is told of how this machine reaches packages, and what stays here."""

from pathlib import Path

from tools.images import configuration

LISTED = """\
:env:.disable-pip-version-check='1'
:env:.default-timeout='60'
:env:.find-links='/opt/wheels'
global.cert='/etc/ssl/authority.pem'
global.constraint='/etc/pip/constraints.txt'
global.extra-index-url='file:///opt/simple https://more.example/simple'
global.index-url='https://packages.example/simple'
"""


def test_a_build_hears_where_packages_are_and_nothing_else_of_pip() -> None:
    text, authority = configuration(LISTED)
    assert text.splitlines() == [
        "[global]",
        "index-url = https://packages.example/simple",
        "extra-index-url = https://more.example/simple",
        "timeout = 60",
        "cert = /run/secrets/ca.pem",
    ]
    assert authority == Path("/etc/ssl/authority.pem")


def test_what_is_told_in_the_environment_comes_before_what_stands_in_a_file() -> None:
    listed = "global.index-url='https://a.example'\n:env:.index-url='https://b.example'\n"
    assert "index-url = https://b.example" in configuration(listed)[0]
    backwards = "\n".join(reversed(listed.splitlines()))
    assert "index-url = https://b.example" in configuration(backwards)[0]


def test_a_machine_with_nothing_to_say_adds_nothing() -> None:
    assert configuration("") == ("[global]\n", None)
    assert configuration("global.extra-index-url='file:///opt/simple'\n") == ("[global]\n", None)
