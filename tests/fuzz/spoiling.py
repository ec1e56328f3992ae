"""Spoiling what is right: bytes patched anywhere, and trees of JSON changed at any node."""

import json
from typing import Any

from tests.fuzz.choices import Choices

CHANGES_MAX = 6
NESTED = 3000  # deeper than the interpreter lets a careless reader go


def patched(seed: bytes, choices: Choices) -> bytes:
    """Change bytes of a seed here and there: set, flip, cut, double, insert."""
    content = bytearray(seed)
    for _ in range(1 + choices.below(CHANGES_MAX)):
        place = choices.number(3) % (len(content) + 1)
        kind = choices.below(7)
        if kind == 0:
            content[place : place + 1] = choices.take(1)
        elif kind == 1 and place < len(content):
            content[place] ^= 1 << choices.below(8)
        elif kind == 2:
            del content[place:]
        elif kind == 3:
            length = choices.number(2) % 1024
            content[place:place] = content[place : place + length]
        elif kind == 4:
            content[place:place] = choices.take(choices.below(32))
        elif kind == 5:
            del content[place : place + 1 + choices.below(64)]
        else:
            content[place : place + 8] = choices.integer().to_bytes(9, "little", signed=True)[:8]
    return bytes(content)


def spoiled_json(seed: bytes, choices: Choices) -> bytes:
    """Change nodes of a JSON text, and write it as its writer would have."""
    tree = json.loads(seed)
    for _ in range(1 + choices.below(CHANGES_MAX)):
        tree = _changed(tree, choices)
    if not choices.below(12):
        return b"[" * NESTED + b"]" * NESTED
    text = json.dumps(tree, separators=(",", ":"), sort_keys=bool(choices.below(2)))
    return text.encode() + (b"\n" if seed.endswith(b"\n") else b"")


def _changed(tree: Any, choices: Choices) -> Any:
    """Walk to a node by choices and put something else there."""
    if isinstance(tree, dict) and tree and choices.below(8):
        return _changed_mapping(tree, choices)
    if isinstance(tree, list) and tree and choices.below(8):
        return _changed_list(tree, choices)
    if isinstance(tree, str) and choices.below(2):
        return tree[: choices.below(len(tree) + 1)] + choices.text()
    return choices.value()


def _changed_mapping(tree: dict[str, Any], choices: Choices) -> dict[str, Any]:
    key, action = choices.one_of(sorted(tree)), choices.below(10)
    if action == 0:
        return {name: value for name, value in tree.items() if name != key}
    if action == 1:
        return {**tree, choices.text(): choices.value()}
    return {**tree, key: _changed(tree[key], choices)}


def _changed_list(tree: list[Any], choices: Choices) -> list[Any]:
    place, action = choices.below(len(tree)), choices.below(10)
    if action == 0:
        return tree[:place] + tree[place + 1 :]
    if action == 1:
        return [*tree, tree[place]]
    return [*tree[:place], _changed(tree[place], choices), *tree[place + 1 :]]


def spoiled_header(seed: bytes, choices: Choices) -> bytes:
    """Change the JSON header of a file of tensors, and sometimes the length it states."""
    length = int.from_bytes(seed[:8], "little")
    header, rest = seed[8 : 8 + length], seed[8 + length :]
    tree = json.loads(header)
    if choices.below(2) and isinstance(tree.get("__metadata__"), dict):
        inner = tree["__metadata__"].get("fieldwise", "{}")
        tree["__metadata__"]["fieldwise"] = spoiled_json(inner.encode(), choices).decode()
        changed = json.dumps(tree, separators=(",", ":")).encode()
    else:
        changed = spoiled_json(header, choices)
    stated = len(changed) if choices.below(6) else choices.integer() % 2**64
    return stated.to_bytes(8, "little") + changed + patched(rest, choices)
