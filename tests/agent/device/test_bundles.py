from pathlib import Path

import pytest

from agent.device import bundles
from agent.device.bundles import BundleFolder
from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from tests.bundles import tiny_bundle


@pytest.fixture
def folder(tmp_path: Path) -> BundleFolder:
    return BundleFolder(tmp_path / "bundles")


def test_a_file_gets_its_name_only_with_its_digest(folder: BundleFolder) -> None:
    digest = digest_of(b"whole")
    folder.append(digest, b"who")
    assert not folder.path(digest).exists()
    assert folder.partial_bytes(digest) == 3
    folder.append(digest, b"le")
    folder.finish(digest)
    assert folder.path(digest).read_bytes() == b"whole"
    assert folder.partial_bytes(digest) == 0


def test_a_partial_file_survives_a_restart(folder: BundleFolder, tmp_path: Path) -> None:
    digest = digest_of(b"whole")
    folder.append(digest, b"who")
    again = BundleFolder(tmp_path / "bundles")
    again.sweep()
    assert again.partial_bytes(digest) == 3


def test_damaged_bytes_are_not_kept(folder: BundleFolder) -> None:
    digest = digest_of(b"whole")
    folder.append(digest, b"other")
    with pytest.raises(FieldwiseError) as caught:
        folder.finish(digest)
    assert caught.value.fault is Fault.DIGEST_MISMATCH
    assert folder.partial_bytes(digest) == 0


def test_a_bundle_that_does_not_fit_is_refused_before_it_starts(
    folder: BundleFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "ROOM_LEFT_BYTES", 1 << 60)
    with pytest.raises(FieldwiseError) as caught:
        folder.check_room(1)
    assert caught.value.fault is Fault.DISK_FULL


def test_what_was_just_installed_stays_until_somebody_has_named_it(
    folder: BundleFolder, tmp_path: Path
) -> None:
    digest, manifest = folder.install(tiny_bundle(tmp_path / "bundle"))
    folder.collect(())
    assert all(folder.has(file) for file in manifest.files)
    folder.collect((digest,))
    folder.collect(())
    assert folder.manifest(digest) is None


def test_a_damaged_file_is_noticed_and_removed(folder: BundleFolder, tmp_path: Path) -> None:
    digest, manifest = folder.install(tiny_bundle(tmp_path / "bundle"))
    graph = manifest.variants[0].graphs[0]
    content = bytearray(folder.path(graph.digest).read_bytes())
    content[100] ^= 1
    folder.path(graph.digest).write_bytes(content)
    with pytest.raises(FieldwiseError) as caught:
        folder.check(graph.digest)
    assert caught.value.fault is Fault.DIGEST_MISMATCH
    assert not folder.has(graph)
    assert folder.manifest(digest) == manifest


def test_only_what_a_kept_bundle_names_survives_collection(
    folder: BundleFolder, tmp_path: Path
) -> None:
    old, _ = folder.install(tiny_bundle(tmp_path / "old"))
    new, manifest = folder.install(tiny_bundle(tmp_path / "new", seed=1, version="2.0.0"))
    folder.append("a" * 64, b"begun")
    arriving = manifest.variants[0].graphs[0].digest
    folder.append(arriving, b"begun as well")
    assert folder.titles() == {old: "tiny:1.0.0", new: "tiny:2.0.0"}
    folder.collect([old, new])
    folder.collect([new])
    assert folder.titles() == {new: "tiny:2.0.0"}
    assert all(folder.has(file) for file in manifest.files)
    names = {path.name for path in (tmp_path / "bundles").iterdir()}
    assert names == {new, f"partial-{arriving}", *(file.digest for file in manifest.files)}


def test_what_is_not_here_is_not_known(folder: BundleFolder) -> None:
    assert folder.manifest("b" * 64) is None
