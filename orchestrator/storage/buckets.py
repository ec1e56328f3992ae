"""Bundles in a bucket of an object store that speaks S3.

Replicas share the content of bundles through it, so none of them needs a disk. What is written
there is found by its digest and checked by whoever reads, and a request is signed without its
secret: so a store within a cluster may be reached by plain HTTP.

Whether the bucket can be used is found out when the orchestrator starts, by reading and writing
the empty content: a wrong secret or a bucket that is not there is a mistake in the settings, and
told as one. A store that does not answer is none: devices are served without it, but for
downloads.
"""

import asyncio
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from orchestrator.storage.blobs import REFUSALS, ObjectBundles, object_path

# A part of an upload has 5 MiB, a piece of a download 256 KiB.
REQUEST_SECONDS = 60
CONNECT_SECONDS = 5
PROOF_SECONDS = 10.0  # a start does not wait for a store that hangs
TRIES = 3
TRIES_SECONDS = 20  # a device that waits for a piece waits for its tries, too
EMPTY = digest_of(b"")
CODE = re.compile(r"<Code>(\w{1,64})</Code>")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where a bucket is, and with which key it is opened.

    Args:
        name: Of the bucket.
        prefix: What the names of our objects begin with; empty for nothing.
        endpoint: URL of the service; empty for Amazon's.
        region: Empty for that of AWS_REGION, or us-east-1, which stores without regions take.
        access_key: Empty for what variables AWS_... and Amazon's own machines say.
        secret_key: Goes with it.
    """

    name: str
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: str = ""

    def __repr__(self) -> str:
        """Say where it is, and nothing of the key."""
        return f"Bucket(s3://{self.name}/{self.prefix})"


async def bucket_bundles(bucket: Bucket, public: str = "") -> ObjectBundles:
    """Keep bundles in a bucket that is there already.

    Args:
        bucket: Where.
        public: URL of the service as devices reach it; empty where they do not.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where the bucket is not there or may not be used.
    """
    store = opened(bucket)
    await _prove(bucket, store)
    links = opened(replace(bucket, endpoint=public)) if public else None
    return ObjectBundles(store, public=links)


def opened(bucket: Bucket) -> S3Store:
    """Return a bucket as ``obstore`` knows it, asking nothing of it yet.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` for what can be no bucket.
    """
    given = {
        "prefix": bucket.prefix,
        "endpoint": bucket.endpoint,
        "access_key_id": bucket.access_key,
        "secret_access_key": bucket.secret_key,
        "region": bucket.region,
    }
    options: dict[str, Any] = {name: text for name, text in given.items() if text}
    try:
        return S3Store(
            bucket.name,
            **options,
            client_options={
                "allow_http": bucket.endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
                "timeout": timedelta(seconds=REQUEST_SECONDS),
            },
            retry_config={
                "max_retries": TRIES,
                "retry_timeout": timedelta(seconds=TRIES_SECONDS),
            },
        )
    except (BaseError, ValueError) as error:
        raise _unusable(bucket, str(error).splitlines()[0][:200]) from error


async def _prove(bucket: Bucket, store: S3Store) -> None:
    """Read and write the empty content, which is as good as any other."""
    try:
        async with asyncio.timeout(PROOF_SECONDS):
            await _read_or_write(bucket, store)
    except REFUSALS as error:
        raise _unusable(bucket, f"the store refuses the key ({_code_of(error)})") from error
    except (BaseError, OSError) as error:  # a timeout is one of them
        told = (str(error) or type(error).__name__).splitlines()[0][:200]
        _log.warning("bundle store does not answer", bucket=bucket.name, reason=told)


async def _read_or_write(bucket: Bucket, store: S3Store) -> None:
    try:
        await obstore.get_async(store, object_path(EMPTY))
    except FileNotFoundError as error:
        if _code_of(error) == "NoSuchBucket":
            raise _unusable(bucket, "there is no such bucket") from error
        await obstore.put_async(store, object_path(EMPTY), b"")


def _code_of(error: Exception) -> str:
    """What the store itself calls it; a word of its protocol."""
    found = CODE.search(str(error))
    return found[1] if found else "no reason given"


def _unusable(bucket: Bucket, reason: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.SETTING_INVALID, f"bundle_url: the bucket {bucket.name} cannot be used: {reason}"
    )
