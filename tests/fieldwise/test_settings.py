"""Settings come from four layers; every mistake is told at once, and no secret."""

import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from fieldwise import settings
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.settings import Effective, Layers


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Example(msgspec.Struct, frozen=True):
    """One setting of every kind."""

    count: Annotated[int, Meta(ge=1, le=9, description="How many.")] = 3
    rate: float = 0.5
    on: bool = False
    names: Annotated[tuple[str, ...], Meta(max_length=2)] = ()
    colour: Colour = Colour.RED
    folder: Path | None = None
    address: Annotated[str, Meta(max_length=256)] = ""
    token: Annotated[str, Meta(min_length=4, extra={"secret": True})] = "none"

    def __post_init__(self) -> None:
        if self.on and self.count == 1:
            raise ValueError("on needs a count above 1")


def load(
    file: Path | None = None,
    environment: dict[str, str] | None = None,
    flags: dict[str, object] | None = None,
) -> Effective[Example]:
    layers = Layers(file, environment or {}, "FIELDWISE_", flags or {}, ("FIELDWISE_AGENT_",))
    return settings.load(Example, layers)


def mistakes(
    file: Path | None = None,
    environment: dict[str, str] | None = None,
    flags: dict[str, object] | None = None,
) -> list[str]:
    with pytest.raises(FieldwiseError) as refused:
        load(file, environment, flags)
    assert refused.value.fault is Fault.SETTING_INVALID
    return refused.value.sentence.splitlines()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "example.toml"


def test_with_nothing_given_every_setting_is_its_default() -> None:
    effective = load()
    assert effective.settings == Example()
    assert set(effective.origins.values()) == {"default"}


def test_a_flag_wins_over_the_environment_and_that_over_the_file(file: Path) -> None:
    file.write_text("count = 4\nrate = 1\non = true\n")
    effective = load(file, {"FIELDWISE_COUNT": "5", "FIELDWISE_RATE": "2.5"}, {"count": "6"})
    assert (effective.settings.count, effective.settings.rate) == (6, 2.5)
    assert effective.settings.on
    assert effective.origins["count"] == "--count"
    assert effective.origins["rate"] == "FIELDWISE_RATE"
    assert effective.origins["on"] == str(file)
    assert effective.origins["names"] == "default"


def test_text_of_the_environment_becomes_what_the_setting_is() -> None:
    given = {
        "FIELDWISE_ON": "true",
        "FIELDWISE_NAMES": "a, b,",
        "FIELDWISE_COLOUR": "blue",
        "FIELDWISE_FOLDER": "~/x",
    }
    found = load(environment=given).settings
    assert (found.on, found.names, found.colour) == (True, ("a", "b"), Colour.BLUE)
    assert found.folder == Path.home() / "x"


def test_the_home_folder_of_nobody_is_a_mistake_like_others() -> None:
    with pytest.raises(FieldwiseError, match="FIELDWISE_FOLDER") as raised:
        load(environment={"FIELDWISE_FOLDER": "~nobody-has-this-name/x"})
    assert raised.value.fault is Fault.SETTING_INVALID


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_variable_that_was_made_of_a_file_has_no_line_s_end(end: str) -> None:
    given = {"FIELDWISE_TOKEN": f"hush-hush{end}", "FIELDWISE_COUNT": f"4{end}"}
    found = load(environment=given).settings
    assert (found.token, found.count) == ("hush-hush", 4)


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    assert load(flags={"count": None}).origins["count"] == "default"


def test_every_mistake_of_every_layer_is_told_at_once(file: Path) -> None:
    file.write_text('cout = 4\nrate = "fast"\n')
    told = mistakes(
        file,
        {"FIELDWISE_COLUOR": "red", "FIELDWISE_NAMES": "a,b,c", "FIELDWISE_COLOUR": "green"},
        {"count": "10"},
    )
    assert told == [
        f"{file}: there is no setting 'cout'; did you mean count?",
        f"{file}: rate = 'fast': Expected `float`, got `str`",
        "FIELDWISE_COLOUR = 'green': Invalid enum value 'green'; use red, blue",
        "there is no setting FIELDWISE_COLUOR; did you mean FIELDWISE_COLOUR?",
        "FIELDWISE_NAMES = 'a,b,c': Expected `array` of length <= 2",
        "--count = '10': Expected `int` <= 9",
    ]


def test_a_number_in_quotes_in_the_file_is_a_mistake(file: Path) -> None:
    file.write_text('count = "4"\n')
    assert mistakes(file) == [f"{file}: count = '4': Expected `int`, got `str`"]


def test_a_rule_between_settings_is_told_as_its_sentence() -> None:
    assert mistakes(flags={"on": "true", "count": "1"}) == ["on needs a count above 1"]


def test_variables_that_belong_to_others_are_nobody_s_mistake() -> None:
    kubernetes = ("SERVICE_HOST", "SERVICE_PORT", "PORT", "PORT_8443_TCP", "PORT_8443_TCP_ADDR")
    others = {f"FIELDWISE_{name}": "x" for name in kubernetes}
    named = {"FIELDWISE_WEB_SERVICE_PORT_HTTP": "1", "FIELDWISE_AGENT_COUNT": "99", "PATH": "/bin"}
    assert load(environment={**others, **named}).settings == Example()


def test_a_file_that_is_missing_broken_huge_or_no_text_is_one_sentence(tmp_path: Path) -> None:
    broken, huge, binary = tmp_path / "broken", tmp_path / "huge", tmp_path / "binary"
    broken.write_text("count = = 1")
    huge.write_bytes(b"#" * (settings.FILE_BYTES_MAX + 1))
    binary.write_bytes(b"\xff\xfe\x00")
    for path, reason in (
        (tmp_path / "missing", "cannot be read: No such file"),
        (tmp_path, "cannot be read"),
        (broken, "is not TOML"),
        (huge, "is larger than"),
        (binary, "is not TOML"),
    ):
        told = mistakes(path)
        assert len(told) == 1
        assert f"{path}: {reason}" in told[0]


@pytest.mark.parametrize(
    "hostile",
    [
        "count = " + "9" * 5000,
        "count = -" + "1" * 5000,
        ".".join(["a"] * 120_000) + " = 1",
        "[" + " . ".join(['"a"'] * 20_000) + "]",
        "count = " + "[" * 100_000,
    ],
    ids=["digits", "minus", "parts", "quoted parts", "deep"],
)
def test_a_hostile_file_is_refused_with_one_sentence(hostile: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile"
    path.write_text(hostile)
    [told] = mistakes(path)
    assert len(told) < 500


def test_of_many_unknown_names_some_are_told(tmp_path: Path) -> None:
    path = tmp_path / "many"
    path.write_text("\n".join(f"cuont{number} = 1" for number in range(10_000)))
    told = mistakes(path)
    assert len(told) == settings.UNKNOWN_TOLD + 1
    assert told[-1].endswith("9,980 further names are no settings")


def test_an_unknown_name_without_an_end_is_told_by_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_text("a" * 200_000 + " = 1")
    [told] = mistakes(path)
    assert len(told) < 500


def test_a_text_may_have_many_dots(tmp_path: Path) -> None:
    path = tmp_path / "dots"
    path.write_text('address = "' + ".".join(["a"] * 30) + ', 192.0.2.1, 192.0.2.2"')
    assert fault_of(path) is None


@given(st.binary(max_size=200))
def test_no_file_at_all_breaks_the_reader(content: bytes) -> None:
    with tempfile.NamedTemporaryFile() as written:
        written.write(content)
        written.flush()
        assert fault_of(Path(written.name)) in {None, Fault.SETTING_INVALID}


def fault_of(path: Path) -> Fault | None:
    try:
        load(path)
    except FieldwiseError as error:
        return error.fault
    return None


def test_deep_nesting_in_a_file_is_a_sentence_and_no_crash(file: Path) -> None:
    file.write_text("count = " + "[" * 50_000)
    assert len(mistakes(file)) == 1


def test_a_secret_is_shown_neither_when_it_is_right_nor_when_it_is_wrong() -> None:
    shown = settings.show(load(flags={"token": "hush-hush"}))
    assert [each.value for each in shown if each.name == "token"] == ["(set)"]
    assert "abc" not in "".join(mistakes(flags={"token": "abc"}))


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("postgresql://me:hush@db/fleet", "postgresql://me:***@db/fleet"),
        ("postgresql://me:hu/sh@db/fleet", "postgresql://me:***@db/fleet"),
        ("postgresql://me:hu@sh@db", "postgresql://me:***@db"),
        ("postgresql://me:hu?a=sh@db/fleet", "postgresql://me:***@db/fleet"),
        ("postgresql://me@db/fleet?password=hush", "postgresql://me@db/fleet?password=***"),
        (
            "postgresql://db?ssl=on&sslPassword=hu@sh&x=1",
            "postgresql://db?ssl=on&sslPassword=***&x=1",
        ),
        ("postgresql://me@db/fleet?x=a@b", "postgresql://me@db/fleet?x=a@b"),
        ("sqlite:////srv/a@b", "sqlite:////srv/a@b"),
    ],
)
def test_the_password_of_an_address_is_not_shown(given: str, seen: str) -> None:
    shown = settings.show(load(flags={"address": given}))
    assert [each.value for each in shown if each.name == "address"] == [seen]


def test_the_password_of_an_address_that_is_too_long_is_not_shown_either() -> None:
    told = mistakes(flags={"address": f"postgresql://me:hush{'x' * 300}@db"})
    assert len(told) == 1
    assert "hush" not in told[0]


def test_what_no_value_may_be_alone_and_two_not_together_is_told_at_once() -> None:
    assert mistakes(flags={"on": "true", "count": "1", "rate": "fast"}) == [
        "--rate = 'fast': Expected `float`, got `str`",
        "on needs a count above 1",
    ]
    assert len(mistakes(flags={"on": "true", "count": "0"})) == 1


def test_foreign_names_are_matched_whole_unless_they_end_in_an_underscore() -> None:
    layers = Layers(
        None,
        {"FIELDWISE_CA": "x", "FIELDWISE_AGENT_X": "x"},
        "FIELDWISE_",
        {},
        ("FIELDWISE_CA", "FIELDWISE_AGENT_"),
    )
    assert settings.load(Example, layers).settings == Example()
    for name in ("FIELDWISE_CAT", "FIELDWISE_AGENTS"):
        assert len(mistakes(environment={name: "x"})) == 1


def test_what_is_shown_has_every_setting_in_order_with_its_meaning() -> None:
    shown = settings.show(load())
    assert tuple(each.name for each in shown) == settings.field_names(Example)
    assert shown[0] == settings.Setting("count", "3", "default", "How many.")
