"""What a bundle's views are asked to be: several sizes, depths or backbones."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from fieldwise.bundle import VIEWS_MAX
from fieldwise.errors import Fault, FieldwiseError

ONLY = "main"  # the name of a view that is alone
END = "end"  # what a backbone's end is called among its depths


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewRequest:
    """One view; what is not given is as in the whole request.

    Attributes:
        backbone: A backbone known by name.
        onnx: An ONNX file that computes features.
        size: Side of the input in pixels.
        depth: Of a backbone known by name: the stages after which to look, 1 to 7, 0 for its end;
            what several of them give lies side by side in one view. Its end alone by default.
        output: Of an ONNX file: which of its outputs; its only one by default.
        name: What the view is called; made of the above by default.
    """

    backbone: str | None = None
    onnx: Path | None = None
    size: int | None = None
    depth: tuple[int, ...] = (0,)
    output: str | None = None
    name: str | None = None

    @property
    def title(self) -> str:
        """Its name, or what tells it from the others."""
        if self.name:
            return self.name
        source = self.backbone or (self.onnx.stem if self.onnx else "")
        parts = [source, self.size, self.stages, self.output]
        return name_of("-".join(f"{part}" for part in parts if part)) or ONLY

    @property
    def stages(self) -> str:
        """Its depths in a word; empty for the end alone."""
        if self.depth == (0,):
            return ""
        return "-".join(f"stage{stage}" if stage else END for stage in self.depth)


def parse(text: str) -> ViewRequest:
    """A view as a command line states it: ``size=128,depth=4+end`` and the like.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for anything else.
    """
    given: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or not value or key in given or key not in ViewRequest.__slots__:
            known = ", ".join(f"{name}=" for name in ViewRequest.__slots__)
            raise _invalid(f"{text[:80]!r} is not a view; one is made of {known} each once")
        given[key] = value
    return ViewRequest(
        backbone=given.get("backbone"),
        onnx=Path(given["onnx"]) if "onnx" in given else None,
        size=_number(given, "size"),
        depth=_depth(given.get("depth", END)),
        output=given.get("output"),
        name=given.get("name"),
    )


def settled(
    views: tuple[ViewRequest, ...], backbone: str | None, onnx: Path | None, size: int | None
) -> tuple[ViewRequest, ...]:
    """Every view with its source, size and name.

    Args:
        views: As asked for; none means one that is the whole request.
        backbone: Of the whole request.
        onnx: Of the whole request.
        size: Of the whole request.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a view that contradicts itself or equals another.
    """
    if not views:
        return (ViewRequest(backbone=backbone, onnx=onnx, size=size, name=ONLY),)
    if len(views) > VIEWS_MAX:
        raise _invalid(f"{len(views)} views are asked for; the limit is {VIEWS_MAX}")
    found = []
    for view in views:
        own = view.backbone is not None or view.onnx is not None
        whole = view if own else replace(view, backbone=backbone, onnx=onnx)
        _check(whole)
        sized = replace(whole, size=whole.size or size)
        found.append(
            replace(sized, name=ONLY if len(views) == 1 and not view.name else sized.title)
        )
    names = [view.title for view in found]
    if len(set(names)) < len(names):
        raise _invalid(f"two views are the same or have the same name: {', '.join(names)}")
    return tuple(found)


def name_of(text: str) -> str:
    """Text as a name that a manifest takes; empty where nothing is left of it."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("._-")[:64]


def _check(view: ViewRequest) -> None:
    if (view.backbone is None) == (view.onnx is None):
        raise _invalid("a view is of either a backbone's name or an ONNX file")
    if view.backbone is not None and view.output is not None:
        raise _invalid("only a view of an ONNX file names an output; say a depth")
    if not view.depth or len(set(view.depth)) < len(view.depth):
        raise _invalid(f"{view.title} looks at no depth, or at one twice")
    if view.onnx is not None and view.stages:
        raise _invalid("only a view of a backbone known by name has a depth; say an output")


def _depth(text: str) -> tuple[int, ...]:
    stages = text.split("+")
    if any(stage != END and not re.fullmatch(r"[1-9]", stage) for stage in stages):
        raise _invalid(f"depth={text[:20]} is not stages and {END}, with + between them")
    return tuple(0 if stage == END else int(stage) for stage in stages)


def _number(given: dict[str, str], key: str) -> int | None:
    text = given.get(key)
    if text is not None and not re.fullmatch(r"[0-9]{1,4}", text):
        raise _invalid(f"{key}={text[:20]} is not a number of up to four digits")
    return None if text is None else int(text)


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.INVALID_ARGUMENT, sentence)
