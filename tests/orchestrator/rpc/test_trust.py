"""Signed backbones over TLS: for operators with a token, as commands call them."""

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.trust import BYTES_MAX, Role
from orchestrator.trust.upkeep import PublisherKeys
from tests.publishers import Publisher, listed
from tests.sites import NOW, Site


@pytest.fixture
def publisher(site: Site) -> Publisher:
    made = Publisher()
    site.keeping.keys = made.server_keys
    return made


async def test_what_is_published_is_shown_and_fetched_as_it_was_signed(
    site: Site, publisher: Publisher
) -> None:
    root, targets = publisher.root(now=NOW), publisher.list(3, listed(), floor=1, now=NOW)
    async with site.operator() as operator:
        assert (await operator.trust.get()).metadata == ()
        done = await operator.trust.publish([root.content], targets.content)
        assert (done.root_version, done.targets_version, done.floor_epoch) == (1, 3, 1)
        view = await operator.trust.get()
        assert [each.role for each in view.metadata] == [Role.ROOT, Role.TARGETS]
        assert view.metadata[1].expires_at.timestamp() == targets.expires_at
        assert [each.name for each in view.backbones] == ["lite0"]
        assert view.online_key_ids == (publisher.online.key_id,)
        assert await operator.trust.export() == ([root.content], targets.content)


async def test_every_root_is_fetched_whatever_their_number(
    site: Site, publisher: Publisher
) -> None:
    roots = [publisher.root(number, now=NOW).content for number in range(1, 20)]
    async with site.operator() as operator:
        for start in (0, 8, 16):
            await operator.trust.publish(roots[start : start + 8], b"")
        assert (await operator.trust.export())[0] == roots
        assert (await operator.trust.export(17))[0] == roots[16:]


async def test_the_largest_list_with_roots_passes_and_more_does_not(
    site: Site, publisher: Publisher
) -> None:
    items = [listed(f"1.0.{number}") for number in range(3000)]
    targets = publisher.list(1, *items, now=NOW)
    roots = [publisher.root(number, now=NOW).content for number in range(1, 9)]
    async with site.operator() as operator:
        await operator.trust.publish(roots, targets.content)
        with pytest.raises(FieldwiseError) as caught:
            await operator.trust.publish([], b"x" * (BYTES_MAX[Role.TARGETS] + 1))
        assert caught.value.fault is Fault.OVER_LIMIT
        view = await operator.trust.get()
    assert len(view.backbones) == 2000


async def test_nobody_publishes_without_a_token(site: Site, publisher: Publisher) -> None:
    site.keeping.keys = PublisherKeys()
    async with site.operator("another-token-altogether") as stranger:
        for call in (
            stranger.trust.get(),
            stranger.trust.publish([publisher.root(now=NOW).content], b""),
            stranger.trust.export(),
        ):
            with pytest.raises(FieldwiseError) as caught:
                await call
            assert caught.value.fault is Fault.UNAUTHENTICATED
