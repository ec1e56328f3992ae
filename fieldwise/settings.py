"""Settings: one way for every program to come from four layers to one frozen record.

Later layers win: defaults, a TOML file, environment variables, flags. A program describes its
settings as a frozen ``msgspec.Struct``; types and ``msgspec.Meta`` are the bounds, and a ``Meta``
with ``extra={"secret": True}`` is never shown. Every value is checked where it comes in, a name
that no setting has is refused with the nearest one, and all mistakes are told at once. Rules
between settings are the record's own ``__post_init__``, which raises ``ValueError``; every field
has a default. What comes out remembers for each setting where it came from.
"""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Generic, TypeVar, Union, get_args, get_origin

import msgspec

from fieldwise.errors import Fault, FieldwiseError

FILE_BYTES_MAX = 256 * 1024  # a file with every setting has under 8 KiB
UNKNOWN_TOLD = 20  # names of a file that no setting has, each with the nearest one
NAME_CHARACTERS = 80  # of each
DEFAULT = "default"

# A name of 32 parts and more, which costs the reader of TOML the square of their number. No setting
# has two; in a text it would take a host's name of so many parts.
_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
LONG_NAME = re.compile(rf"(?<![A-Za-z0-9_-]){_PART}(?:[ \t]*\.[ \t]*{_PART}){{31}}")

# Kubernetes writes FIELDWISE_SERVICE_HOST, FIELDWISE_PORT_8443_TCP and the like into every
# container beside a Service called "fieldwise"; they are nobody's mistake.
SERVICE_LINK = re.compile(r"(.*_)?(SERVICE_(HOST|PORT)(_.*)?|PORT(_\d+_(TCP|UDP)(_.*)?)?)")

# Where the query of a URL begins, and the keys in it whose values are nobody's business.
QUERY = re.compile(r"\?(?=[\w.-]+=)")
SECRET_KEY = re.compile(
    r"([?&][^=&]*(?:pass|pwd|secret|token|key|credential)[^=&]*=)[^&]*", re.IGNORECASE
)

SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Effective(Generic[SettingsT]):
    """Settings in force, and for each name its origin: "default", a file, a variable or a flag."""

    settings: SettingsT
    origins: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as a person sees it; a secret's value is never in it."""

    name: str
    value: str
    origin: str
    description: str


def flag_name(name: str) -> str:
    return "--" + name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Layers:
    """Where values come from, weakest first.

    Args:
        file: TOML file; None for none, and a named file must exist.
        environment: Environment variables, as in ``os.environ``.
        prefix: What the program's variables begin with: "FIELDWISE_".
        flags: Values given on the command line by setting name; None means not given.
        foreign: Names of variables that begin alike but belong to something else, and prefixes of
            such names, which end in "_".
        flag: How the command line spells the setting of a name.
    """

    file: Path | None
    environment: Mapping[str, str]
    prefix: str
    flags: Mapping[str, object]
    foreign: tuple[str, ...] = ()
    flag: Callable[[str], str] = flag_name


@dataclass(frozen=True, slots=True)
class _Given:
    """A value on its way in: from where, and whether it is still text."""

    name: str
    value: object
    origin: str
    textual: bool


def load(shape: type[SettingsT], layers: Layers) -> Effective[SettingsT]:
    """Put the layers together.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` with one line for each mistake, whatever layer it is in.
    """
    values: dict[str, object] = {}
    origins = dict.fromkeys(field_names(shape), DEFAULT)
    mistakes: list[str] = []
    wrong: list[str] = []
    for given in _given(shape, layers, mistakes):
        try:
            values[given.name] = _convert(shape, given)
        except msgspec.ValidationError as error:
            mistakes.append(_explain(shape, given, error))
            wrong.append(given.name)
        else:
            origins[given.name] = given.origin
    try:
        loaded = shape(**values)
    except ValueError as error:
        mistakes += _unrelated(str(error).splitlines(), wrong)
    if mistakes:
        raise FieldwiseError(Fault.SETTING_INVALID, "\n".join(mistakes))
    return Effective(settings=loaded, origins=origins)


def show(effective: Effective[SettingsT]) -> list[Setting]:
    """List every setting with value, origin and meaning, in the order of the record."""
    shape = type(effective.settings)
    return [
        Setting(
            name=name,
            value=redact(shape, name, getattr(effective.settings, name)),
            origin=effective.origins[name],
            description=describe(shape, name),
        )
        for name in field_names(shape)
    ]


def field_names(shape: type[msgspec.Struct]) -> tuple[str, ...]:
    return shape.__struct_fields__


def describe(shape: type[msgspec.Struct], name: str) -> str:
    """Return the ``description`` of a setting's ``Meta``; empty without one."""
    return "".join(part.description or "" for part in _metas(shape, name))


def is_secret(shape: type[msgspec.Struct], name: str) -> bool:
    return any((part.extra or {}).get("secret", False) for part in _metas(shape, name))


def redact(shape: type[msgspec.Struct], name: str, value: object) -> str:
    """Return a value as text, without the secret or the password of an address in it."""
    if is_secret(shape, name):
        return "(set)" if value else "(not set)"
    return _without_password(_text(value))


def variable_name(prefix: str, name: str) -> str:
    return prefix + name.upper()


def _given(shape: type[SettingsT], layers: Layers, mistakes: list[str]) -> Iterator[_Given]:
    yield from _from_file(shape, layers.file, mistakes)
    yield from _from_environment(shape, layers, mistakes)
    for name, value in layers.flags.items():
        if value is not None:
            yield _Given(name, value, layers.flag(name), textual=True)


def _from_file(shape: type[SettingsT], file: Path | None, mistakes: list[str]) -> Iterator[_Given]:
    if file is None:
        return
    try:
        entries = _read_toml(file)
    except FieldwiseError as error:
        mistakes.append(error.sentence)
        return
    unknown = [name for name in entries if name not in field_names(shape)]
    for name in unknown[:UNKNOWN_TOLD]:
        shown = f"{name[:NAME_CHARACTERS]!r}{_nearest(shape, name[:NAME_CHARACTERS], str)}"
        mistakes.append(f"{file}: there is no setting {shown}")
    if more := len(unknown[UNKNOWN_TOLD:]):
        mistakes.append(f"{file}: {more:,} further names are no settings")
    for name, value in entries.items():
        if name in field_names(shape):
            yield _Given(name, value, str(file), textual=False)


def _read_toml(file: Path) -> dict[str, object]:
    try:
        with file.open("rb") as stream:
            content = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise _mistake(f"{file}: cannot be read: {error.strerror}") from error
    if len(content) > FILE_BYTES_MAX:
        raise _mistake(f"{file}: is larger than {FILE_BYTES_MAX:,} bytes")
    try:
        text = content.decode()
        if LONG_NAME.search(text):
            raise _mistake(f"{file}: has a name of 32 parts or more")
        return tomllib.loads(text)
    # ValueErrors: what TOML and UTF-8 refuse, and a number of more digits than Python reads.
    except (ValueError, RecursionError) as error:
        raise _mistake(f"{file}: is not TOML: {error}") from error


def _from_environment(
    shape: type[SettingsT], layers: Layers, mistakes: list[str]
) -> Iterator[_Given]:
    for variable, text in sorted(layers.environment.items()):
        if not variable.startswith(layers.prefix):
            continue
        name = variable.removeprefix(layers.prefix).lower()
        if name in field_names(shape):
            # Secret stores make variables of whole files, and these end with a line's end.
            yield _Given(name, text.rstrip("\r\n"), variable, textual=True)
        elif not _is_foreign(variable, layers):
            spell = _spelling(layers.prefix)
            mistakes.append(f"there is no setting {variable}{_nearest(shape, name, spell)}")


def _spelling(prefix: str) -> Callable[[str], str]:
    return lambda name: variable_name(prefix, name)


def _is_foreign(variable: str, layers: Layers) -> bool:
    linked = SERVICE_LINK.fullmatch(variable.removeprefix(layers.prefix)) is not None
    return linked or any(
        variable.startswith(each) if each.endswith("_") else variable == each
        for each in layers.foreign
    )


def _convert(shape: type[SettingsT], given: _Given) -> object:
    kind = _annotations(shape)[given.name]
    value = given.value
    if given.textual and isinstance(value, str) and _is_list(kind):
        value = [part.strip() for part in value.split(",") if part.strip()]
    return msgspec.convert(value, kind, strict=not given.textual, dec_hook=_decode)


def _explain(shape: type[SettingsT], given: _Given, error: msgspec.ValidationError) -> str:
    place = given.origin if given.textual else f"{given.origin}: {given.name}"
    value = given.value
    known = redact(shape, given.name, value) if isinstance(value, str) else value
    shown = "(hidden)" if is_secret(shape, given.name) else repr(known)[:80]
    return f"{place} = {shown}: {error}{_choices(shape, given.name)}"


def _unrelated(rules: Sequence[str], wrong: Sequence[str]) -> list[str]:
    """What a record's own rules say, but for what they say of a value that did not come through."""
    return [rule for rule in rules if not set(wrong) & set(re.findall(r"\w+", rule))]


def _without_password(text: str) -> str:
    """Hide the password of a URL: all up to the last @, as passwords may hold any character."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        return text
    query = QUERY.search(rest)
    begin = query.start() if query and "@" in rest[: query.start()] else len(rest)
    access, at, place = rest[:begin].rpartition("@")
    user, colon, _ = access.partition(":")
    hidden = f"{user}:***{at}{place}" if colon else f"{access}{at}{place}"
    return SECRET_KEY.sub(r"\1***", f"{scheme}{separator}{hidden}{rest[begin:]}")


def _choices(shape: type[msgspec.Struct], name: str) -> str:
    kind = _plain(_annotations(shape)[name])
    is_enumeration = isinstance(kind, type) and issubclass(kind, Enum)
    return f"; use {', '.join(each.value for each in kind)}" if is_enumeration else ""


def _nearest(shape: type[msgspec.Struct], name: str, spell: Callable[[str], str]) -> str:
    close = difflib.get_close_matches(name, field_names(shape), n=1)
    return f"; did you mean {spell(close[0])}?" if close else ""


def _annotations(shape: type[msgspec.Struct]) -> dict[str, object]:
    return {field.name: field.type for field in msgspec.structs.fields(shape)}


def _is_list(kind: object) -> bool:
    if get_origin(_plain(kind)) in {Union, UnionType}:
        return any(_is_list(each) for each in get_args(_plain(kind)))
    return get_origin(_plain(kind)) in {tuple, list}


def _plain(kind: object) -> Any:
    """Return a type without what ``Annotated`` puts around it."""
    return get_args(kind)[0] if hasattr(kind, "__metadata__") else kind


def _metas(shape: type[msgspec.Struct], name: str) -> tuple[msgspec.Meta, ...]:
    kind = _annotations(shape)[name]
    return tuple(
        each for each in getattr(kind, "__metadata__", ()) if isinstance(each, msgspec.Meta)
    )


def _decode(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str) and value:
        try:
            return Path(value).expanduser()
        except RuntimeError as error:
            raise ValueError("Expected a path, and the home folder in it is nobody's") from error
    raise ValueError(f"Expected a {kind.__name__.lower()}")


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(_text(each) for each in value)
    return str(value)


def _mistake(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.SETTING_INVALID, sentence)
