"""A Lease of coordination.k8s.io/v1: what it says, and how it is read and written."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from kubernetes.client import CoordinationV1Api, V1Lease, V1LeaseSpec, V1ObjectMeta

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.kubernetes.access import Access, RefusedError

NOT_FOUND, CONFLICT = 404, 409


@dataclass(frozen=True, slots=True)
class Record:
    """What a Lease says; times are seconds since 1970 by the holder's clock, for people to read."""

    holder: str
    seconds: int
    acquired_at: float
    renewed_at: float
    changes: int


@dataclass(frozen=True, slots=True)
class Found:
    """A record, and of which version of the object it is, in the API's own terms."""

    record: Record
    version: Any


class LeaseApi(Protocol):
    async def read(self) -> Found | None:
        """Return the Lease; None where there is none.

        Raises:
            FieldwiseError: ``UNAVAILABLE``.
        """
        ...

    async def write(self, known: Found | None, record: Record) -> bool:
        """Make the Lease where none was known, or change the version that was.

        Returns:
            Whether nobody else did so before.

        Raises:
            FieldwiseError: ``UNAVAILABLE``; it may have been written all the same.
        """
        ...


class KubernetesLease:
    """``LeaseApi``.

    Args:
        access: The way to the cluster.
        namespace: Where the Lease is.
        name: What it is called.
    """

    def __init__(self, access: Access, namespace: str, name: str) -> None:
        self._access = access
        self._api = CoordinationV1Api(access.client)
        self._namespace = namespace
        self._name = name

    async def read(self) -> Found | None:
        try:
            found = await self._access.ask(
                self._api.read_namespaced_lease, self._name, self._namespace
            )
        except RefusedError as error:
            if error.status == NOT_FOUND:
                return None
            raise self._refused("get", error) from error
        return Found(_record_of(found.spec), found.metadata)

    async def write(self, known: Found | None, record: Record) -> bool:
        try:
            if known is None:
                metadata = V1ObjectMeta(name=self._name)
                await self._access.ask(
                    self._api.create_namespaced_lease, self._namespace, _lease(metadata, record)
                )
            else:  # its labels and owners stay, and its resourceVersion is the condition
                await self._access.ask(
                    self._api.replace_namespaced_lease,
                    self._name,
                    self._namespace,
                    _lease(known.version, record),
                )
        except RefusedError as error:
            if error.status == CONFLICT or (known is not None and error.status == NOT_FOUND):
                return False
            raise self._refused("create" if known is None else "update", error) from error
        return True

    def _refused(self, verb: str, error: RefusedError) -> FieldwiseError:
        name = f"{self._namespace}/{self._name}"
        return FieldwiseError(
            Fault.UNAVAILABLE,
            f"the cluster did not let this account {verb} the Lease {name}: {error}",
        )


def _lease(metadata: Any, record: Record) -> Any:
    spec = V1LeaseSpec(
        holder_identity=record.holder,
        lease_duration_seconds=record.seconds,
        acquire_time=_moment(record.acquired_at),
        renew_time=_moment(record.renewed_at),
        lease_transitions=record.changes,
    )
    return V1Lease(api_version="coordination.k8s.io/v1", kind="Lease", metadata=metadata, spec=spec)


def _record_of(spec: Any) -> Record:
    """Read what anybody may have written; every field of a spec is optional."""
    return Record(
        holder=(spec and spec.holder_identity) or "",
        seconds=(spec and spec.lease_duration_seconds) or 0,
        acquired_at=_seconds(spec and spec.acquire_time),
        renewed_at=_seconds(spec and spec.renew_time),
        changes=(spec and spec.lease_transitions) or 0,
    )


def _moment(seconds: float) -> str:
    """Write a moment with all six digits, as the API wants it; the client leaves out zeros."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
