"""Who calls, and how often: the layers around every call that are the orchestrator's own.

They stand with ``fieldwise.status.TranslateErrors`` and ``fieldwise.calls.CheckMessages`` around
each method: count outermost, then translate errors, check bounds, and last find out who it is.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache

import grpc
from cryptography import x509
from google.protobuf.message import Message

from fieldwise.calls import Call, Context, Watcher
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import (
    DeviceIdentity,
    PublicKey,
    check_validity,
    identity_of,
    load_pem_certificate,
)
from fieldwise.wire import PACKAGE
from orchestrator.enrolment.authority import fingerprint_of, issued_at
from orchestrator.enrolment.denying import CallsUnderWay
from orchestrator.fleet.device import Caller
from orchestrator.metrics import FleetMetrics
from orchestrator.people.roles import DeniedError
from orchestrator.ports import Clock
from orchestrator.rights import Operator

OPERATOR_SERVICES = frozenset(
    f"{PACKAGE}.{name}"
    for name in ("Operator", "Federation", "Accounts", "Admission", "Audit", "Identity", "Trust")
)
WORKER_SERVICE = f"{PACKAGE}.Worker"
SELF_CHECKED = "CheckIn"
CERTIFICATES_KEPT = 4096  # parsed ones, a few KiB each: the devices of one busy minute

_caller: ContextVar[Caller] = ContextVar("caller")
_operator: ContextVar[Operator] = ContextVar("operator")
_campaign: ContextVar[str] = ContextVar("campaign")


def calling() -> Caller:
    """Return whose call this is; the certificate was checked before."""
    return _caller.get()


def calling_operator() -> str:
    """Return the name of the operator whose call this is; empty where it is none's."""
    operator = _operator.get(None)
    return operator.name if operator else ""


def whole_operator() -> Operator:
    """Return the operator whose call this is; the token was checked before."""
    return _operator.get()


def calling_campaign() -> str:
    """Return the id of the campaign whose aggregator's call this is."""
    return _campaign.get()


def calling_device() -> str:
    """Return the id of the device whose call this is."""
    return calling().device


class DeviceOnly:
    """A layer that lets in devices of this fleet with a certificate that is valid now.

    The transport has checked the chain when the connection began; a certificate may end, a device
    may be denied or removed, and the clock may move, while it lasts. A check-in reads its
    device's row anyway and asks the same of it by itself, so it costs no second look.

    Args:
        fleet: Name of the fleet.
        clock: What time it is.
        admit: Refuses who is no member or calls with a key that is not his own.
        calls: What devices have under way, so that it can be ended.
    """

    def __init__(
        self,
        fleet: str,
        clock: Clock,
        admit: Callable[[Caller], Awaitable[None]],
        calls: CallsUnderWay,
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self._admit = admit
        self._calls = calls

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
        certificate, identity, fingerprint = _read_certificate(_certificate_of(call))
        if identity.fleet != self._fleet:
            raise FieldwiseError(
                Fault.CERTIFICATE_INVALID, f"the certificate is of the fleet {identity.fleet}"
            )
        check_validity(certificate, datetime.fromtimestamp(self._clock.now(), UTC))
        caller = Caller(identity.device_id, fingerprint, issued_at(certificate))
        with self._calls.one(caller, certificate.not_valid_after_utc.timestamp()):
            if call.method.name != SELF_CHECKED:
                await self._admit(caller)
            token = _caller.set(caller)
            try:
                yield None
            finally:
                _caller.reset(token)


class OperatorsOnly:
    """A layer that lets nobody but operators call a method of theirs.

    Args:
        admit: Told the caller's token and the method; returns who calls, or refuses.
        denied: Told who was not let do what, and with which words.
    """

    def __init__(
        self,
        admit: Callable[[str, str], Awaitable[Operator]],
        denied: Callable[[Operator, str, FieldwiseError], Awaitable[None]] | None = None,
    ) -> None:
        self._admit = admit
        self._denied = denied

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
        if call.method.service not in OPERATOR_SERVICES:
            yield None
            return
        operator = await self._let_in(bearer(call.context), call.method.name)
        token = _operator.set(operator)
        try:
            yield None
        finally:
            _operator.reset(token)

    async def _let_in(self, token: str, method: str) -> Operator:
        try:
            return await self._admit(token, method)
        except DeniedError as error:
            if self._denied is not None:
                await self._denied(error.operator, method, error)
            raise


class WorkersOnly:
    """A layer that lets nobody but the aggregator of a campaign call the service for it.

    Args:
        admit: Told the caller's token; returns the id of its campaign, or refuses.
    """

    def __init__(self, admit: Callable[[str], Awaitable[str]]) -> None:
        self._admit = admit

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
        if call.method.service != WORKER_SERVICE:
            yield None
            return
        token = _campaign.set(await self._admit(bearer(call.context)))
        try:
            yield None
        finally:
            _campaign.reset(token)


class CountCalls:
    """A layer that counts calls and messages; outermost, so that it sees the status of each.

    Args:
        metrics: Where they are counted.
    """

    def __init__(self, metrics: FleetMetrics) -> None:
        self._metrics = metrics

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Watcher | None]:
        names = (call.method.kind.value, call.method.service, call.method.name)
        self._metrics.call_started(*names)
        begun = time.perf_counter()
        failed = grpc.StatusCode.CANCELLED
        try:
            yield _Counted(self._metrics, names)
            failed = grpc.StatusCode.OK
        except grpc.aio.AbortError:
            failed = _code_of(call.context)
            raise
        finally:
            self._metrics.call_ended(*names, failed.name, time.perf_counter() - begun)


class _Counted:
    def __init__(self, metrics: FleetMetrics, names: tuple[str, str, str]) -> None:
        self._metrics = metrics
        self._names = names

    def received(self, _message: Message) -> None:
        self._metrics.message_received(*self._names)

    def sent(self, _message: Message) -> None:
        self._metrics.message_sent(*self._names)


def _certificate_of(call: Call) -> bytes:
    if call.certificate:
        return call.certificate
    raise FieldwiseError(Fault.UNAUTHENTICATED, "the call came without a device's certificate")


@lru_cache(maxsize=CERTIFICATES_KEPT)
def _read_certificate(pem: bytes) -> tuple[x509.Certificate, DeviceIdentity, str]:
    certificate = load_pem_certificate(pem)
    key = certificate.public_key()
    if not isinstance(key, PublicKey):
        raise FieldwiseError(Fault.CERTIFICATE_INVALID, "the certificate's key is of another kind")
    return certificate, identity_of(certificate), fingerprint_of(key)


def device_named(call: Call) -> str:
    """Return the id in the certificate that the transport has checked, whether it still counts.

    Raises:
        FieldwiseError: ``UNAUTHENTICATED`` or ``CERTIFICATE_INVALID`` where it names no device.
    """
    return _read_certificate(_certificate_of(call))[1].device_id


def bearer(context: Context) -> str:
    """Return the token that a call came with; empty without one."""
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            text = value if isinstance(value, str) else value.decode("latin-1")
            return text.removeprefix("Bearer ") if text.startswith("Bearer ") else ""
    return ""


def _code_of(context: Context) -> grpc.StatusCode:
    """The status of an aborted call; gRPC gives its number or its name."""
    code = context.code()
    if isinstance(code, grpc.StatusCode):
        return code
    return next(each for each in grpc.StatusCode if each.value[0] == int(code))
