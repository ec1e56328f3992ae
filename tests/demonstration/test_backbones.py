from pathlib import Path

import msgspec
import pytest

from demonstration import backbones


class Other(msgspec.Struct):
    """Another form of manifests."""

    name: str


def test_a_cached_bundle_of_another_form_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(
        backbones, "call", lambda _, words, __: (asked.append(words), Path(words[-1]).touch())
    )
    first = backbones.packed(backbones.FIRST)
    assert backbones.packed(backbones.FIRST) == first
    assert len(asked) == 1
    monkeypatch.setattr(backbones, "Manifest", Other)
    assert backbones.packed(backbones.FIRST) != first
    assert len(asked) == 2
