"""``fieldwise trust`` where it asks a server, which is canned: what it shows and writes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fieldwise.trust import Role, name_of
from orchestrator.trust.documents import Document
from orchestrator.trust.drafting import new_root, signed
from orchestrator.trust.upkeep import DAY, PublisherKeys
from orchestrator.trust_views import PublishedView, TrustView, view_trust
from orchestrator.workshop import LIST_FILE, opened
from tests.fakes.operator_client import CannedClient
from tests.fleet_records import NOW
from tests.orchestrator.trust.test_upkeep import kept
from tests.publishers import Publisher, all_online


@dataclass
class CannedTrust:
    """What a server answers."""

    view: TrustView | None = None
    sent: list[Sequence[bytes]] = field(default_factory=list)
    roots: Sequence[Document] = ()
    targets: Document | None = None

    async def get(self) -> TrustView:
        assert self.view is not None
        return self.view

    async def publish(
        self, roots: Sequence[bytes], targets: bytes, *, hand_over: bool
    ) -> PublishedView:
        self.sent.append([*roots, targets])
        return PublishedView(1, 1, 0, changed=True)

    async def export(self, from_root: int = 1) -> tuple[list[bytes], bytes]:
        return [each.content for each in self.roots], self.targets.content if self.targets else b""


@pytest.fixture
def server(client: CannedClient) -> CannedTrust:
    client.trust = canned = CannedTrust()  # type: ignore[attr-defined]  # as much of it as is asked
    return canned


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (all_online(), "lacks the online key that the root names"),
        (None, "this server signs snapshot and timestamp alone"),
    ],
    ids=["other keys", "its own"],
)
def test_status_says_whether_the_server_can_sign(
    run: Any, server: CannedTrust, keys: PublisherKeys | None, words: str
) -> None:
    publisher = Publisher()
    state = kept({}, publisher.founding())
    server.view = view_trust(state, keys or publisher.server_keys, (), {})
    assert words in " ".join(run("trust", "status").stdout.split())


def test_an_export_takes_nothing_from_a_publisher(
    run: Any, server: CannedTrust, tmp_path: Path
) -> None:
    publisher, folder = Publisher(), tmp_path / "publisher"
    server.roots, server.targets = [publisher.root()], publisher.list(7)
    assert run("trust", "export", str(folder)).exit_code == 0
    assert run("trust", "export", str(folder)).exit_code == 0  # again
    for roots, targets, lost in (
        ([publisher.root(now=NOW + DAY)], publisher.list(8), "1.root.json"),
        ([publisher.root()], publisher.list(6), "targets.json"),
        ([publisher.root()], publisher.list(7, floor=3), "targets.json"),
    ):
        server.roots, server.targets = roots, targets
        refused = run("trust", "export", str(folder))
        assert refused.exit_code == 5
        assert f"another {lost}" in refused.stderr
        assert opened(folder).root.content == publisher.root().content
        assert opened(folder).missing(Role.TARGETS) == 0


def test_an_export_brings_the_signature_that_a_server_added_and_a_newer_list(
    run: Any, server: CannedTrust, tmp_path: Path
) -> None:
    publisher, folder = Publisher(), tmp_path / "publisher"
    folder.mkdir()
    root = publisher.root()
    bare = new_root(1, root.expires_at, publisher.holders)
    (folder / "1.root.json").write_bytes(bare.content)
    (folder / "targets.json").write_bytes(publisher.list(1).content)
    server.roots, server.targets = [root], publisher.list(2)
    assert run("trust", "export", str(folder)).exit_code == 0
    assert opened(folder).root.content == root.content
    found = opened(folder).targets
    assert found is not None
    assert found.content == publisher.list(2).content


def laid_out(folder: Path, *documents: Document) -> str:
    """Make a publisher's folder of metadata; returns its name."""
    folder.mkdir()
    for each in documents:
        name = name_of(each.role, each.version) if each.role is Role.ROOT else LIST_FILE
        (folder / name).write_bytes(each.content)
    return str(folder)


def test_what_another_publisher_signed_is_not_sent(
    run: Any, server: CannedTrust, tmp_path: Path
) -> None:
    publisher, other = Publisher(), Publisher()
    server.view = view_trust(kept({}, publisher.founding()), publisher.server_keys, (), {})
    refused = run("trust", "publish", laid_out(tmp_path / "other", other.root(), other.list(9)))
    assert refused.exit_code == 5
    assert "another publisher's" in refused.stderr
    assert server.sent == []
    newer = publisher.list(2)
    sent = run("trust", "publish", laid_out(tmp_path / "own", publisher.root(), newer))
    assert sent.exit_code == 0
    assert server.sent == [[newer.content]]


def test_a_root_that_the_keys_before_have_not_signed_is_not_sent_unless_they_are_the_server_s(
    run: Any, server: CannedTrust, tmp_path: Path
) -> None:
    before, publisher = Publisher(), Publisher()
    server.view = view_trust(kept({}, before.founding()), before.server_keys, (), {})
    root, targets = publisher.root(2), publisher.list(2)
    folder = laid_out(tmp_path / "p", before.root(), root, targets)
    refused = run("trust", "publish", folder)
    assert refused.exit_code == 3
    assert "--hand-over" in refused.stderr
    assert server.sent == []
    server.roots = [signed(root, before.roots), Publisher().root(3), Publisher().root(2)]
    assert run("trust", "publish", folder, "--hand-over").exit_code == 0
    after = opened(Path(folder))
    assert after.root.content == server.roots[0].content  # with the signature that it lacked
    assert after.missing(Role.ROOT) == 0
    assert server.sent == [[before.root().content, root.content, targets.content]]


def test_an_export_takes_no_list_that_nobody_signed(
    run: Any, server: CannedTrust, tmp_path: Path
) -> None:
    """Whoever runs the server would have the publisher sign what he makes up."""
    publisher, thief, folder = Publisher(), Publisher(), tmp_path / "publisher"
    laid_out(folder, publisher.root(), publisher.list(2))
    made_up = thief.list(3)
    for roots in ([publisher.root()], [publisher.root(), thief.root(2)]):
        server.roots, server.targets = roots, made_up
        refused = run("trust", "export", str(folder))
        assert refused.exit_code == 3
        assert "lacks 1 of the 1 signatures" in refused.stderr
    server.roots = []
    assert "no root" in run("trust", "export", str(folder)).stderr
    both = publisher.root(3)
    server.roots, server.targets = [publisher.root(), both], None
    assert run("trust", "export", str(folder)).exit_code == 5
    assert opened(folder).roots[-1].version == 1
    assert opened(folder).missing(Role.TARGETS) == 0


def test_an_export_takes_no_list_by_keys_that_a_root_has_replaced(
    run: Any, server: CannedTrust, tmp_path: Path
) -> None:
    before, publisher = Publisher(), Publisher()
    handed_over = publisher.root(2, *before.roots)
    folder = laid_out(tmp_path / "p", before.root(), handed_over, publisher.list(2))
    server.roots, server.targets = [before.root()], before.list(9)
    refused = run("trust", "export", folder)
    assert refused.exit_code == 5
    assert "has root 2 already" in refused.stderr
