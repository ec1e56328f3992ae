import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from structlog.testing import capture_logs

from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.storage.buckets import Bucket, bucket_bundles
from tests.object_stores import ACCESS_KEY, SECRET_KEY, SeaweedFs


@pytest.fixture
def bucket(seaweedfs: SeaweedFs) -> Bucket:
    return seaweedfs.bucket()


@pytest.mark.services
class TestBucket:
    async def test_a_bucket_that_can_be_used_is_proved_to_be_so(self, bucket: Bucket) -> None:
        for _ in range(2):
            bundles = await bucket_bundles(bucket)
            assert await bundles.size(digest_of(b"")) == 0

    async def test_fleets_with_other_prefixes_see_nothing_of_each_other(
        self, bucket: Bucket, seaweedfs: SeaweedFs
    ) -> None:
        async def content() -> AsyncIterator[bytes]:
            yield b"ours"

        await (await bucket_bundles(bucket)).put(digest_of(b"ours"), content())
        other = await bucket_bundles(seaweedfs.bucket())
        assert await other.size(digest_of(b"ours")) is None

    @pytest.mark.parametrize(
        ("wrong", "reason"),
        [
            ({"secret_key": "not-the-secret"}, "SignatureDoesNotMatch"),
            ({"access_key": "nobody"}, "InvalidAccessKeyId"),
            ({"name": "elsewhere"}, "there is no such bucket"),
        ],
    )
    async def test_what_cannot_be_used_is_told_at_the_start_without_its_secret(
        self, bucket: Bucket, wrong: dict[str, str], reason: str
    ) -> None:
        with pytest.raises(FieldwiseError) as caught:
            await bucket_bundles(replace(bucket, **wrong))
        assert caught.value.fault is Fault.SETTING_INVALID
        assert caught.value.sentence.startswith("bundle_url: the bucket ")
        assert reason in caught.value.sentence
        assert SECRET_KEY not in caught.value.sentence
        assert "not-the-secret" not in caught.value.sentence

    async def test_a_link_gives_one_file_and_says_nothing_of_the_secret(
        self, bucket: Bucket
    ) -> None:
        bundles = await bucket_bundles(bucket, public=bucket.endpoint)
        link = await bundles.link(digest_of(b""))
        assert link is not None
        assert link.startswith(f"{bucket.endpoint}/fleet/{bucket.prefix}/sha256/")
        assert SECRET_KEY not in link
        assert await asyncio.to_thread(status_of, link) == 200
        other = link.replace(digest_of(b""), digest_of(b"other"))
        forged = link[:-1] + ("0" if link[-1] != "0" else "1")
        for wrong in (other, forged):
            assert await asyncio.to_thread(status_of, wrong) == 403

    async def test_a_key_may_come_from_the_environment(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        bundles = await bucket_bundles(replace(bucket, access_key="", secret_key=""))
        assert await bundles.size(digest_of(b"")) == 0


def status_of(link: str) -> int:
    try:
        with urlopen(link, timeout=60) as answer:
            return int(answer.status)
    except HTTPError as refused:
        refused.close()
        return refused.code


async def test_a_store_that_does_not_answer_keeps_no_orchestrator_from_starting() -> None:
    nowhere = Bucket("fleet", "", "http://127.0.0.1:1", "", ACCESS_KEY, SECRET_KEY)
    with capture_logs() as told:
        bundles = await bucket_bundles(nowhere)
    assert [each["event"] for each in told] == ["bundle store does not answer"]
    assert SECRET_KEY not in str(told)
    with pytest.raises(FieldwiseError) as caught:
        await bundles.size(digest_of(b""))
    assert caught.value.fault is Fault.UNAVAILABLE


async def test_a_store_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.storage.buckets.PROOF_SECONDS", 0.2)
    opened: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: opened.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    hanging = Bucket("fleet", "", f"http://127.0.0.1:{port}", "", ACCESS_KEY, SECRET_KEY)
    with capture_logs() as told:
        await bucket_bundles(hanging)
    assert [each["reason"] for each in told] == ["TimeoutError"]
    for writer in opened:
        writer.close()
        await writer.wait_closed()
    silent.close()
    await silent.wait_closed()


def test_nothing_that_prints_a_bucket_prints_its_secret() -> None:
    assert SECRET_KEY not in repr(Bucket("fleet", "", "", "", ACCESS_KEY, SECRET_KEY))
