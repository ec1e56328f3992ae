from fieldwise.v1alpha1 import limits_pb2 as _limits_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DeviceFacts(_message.Message):
    __slots__ = ("agent_version", "architecture", "memory_bytes", "processors")
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROCESSORS_FIELD_NUMBER: _ClassVar[int]
    agent_version: str
    architecture: str
    memory_bytes: int
    processors: int
    def __init__(self, agent_version: _Optional[str] = ..., architecture: _Optional[str] = ..., memory_bytes: _Optional[int] = ..., processors: _Optional[int] = ...) -> None: ...

class EnrolRequest(_message.Message):
    __slots__ = ("ticket_id", "ticket_secret", "certificate_request", "facts", "knows_pending", "knows_publisher", "knows_trust_revision")
    TICKET_ID_FIELD_NUMBER: _ClassVar[int]
    TICKET_SECRET_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    KNOWS_PENDING_FIELD_NUMBER: _ClassVar[int]
    KNOWS_PUBLISHER_FIELD_NUMBER: _ClassVar[int]
    KNOWS_TRUST_REVISION_FIELD_NUMBER: _ClassVar[int]
    ticket_id: str
    ticket_secret: bytes
    certificate_request: bytes
    facts: DeviceFacts
    knows_pending: bool
    knows_publisher: bool
    knows_trust_revision: bool
    def __init__(self, ticket_id: _Optional[str] = ..., ticket_secret: _Optional[bytes] = ..., certificate_request: _Optional[bytes] = ..., facts: _Optional[_Union[DeviceFacts, _Mapping]] = ..., knows_pending: _Optional[bool] = ..., knows_publisher: _Optional[bool] = ..., knows_trust_revision: _Optional[bool] = ...) -> None: ...

class PendingEnrolment(_message.Message):
    __slots__ = ("retry_seconds", "fingerprint")
    RETRY_SECONDS_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    retry_seconds: int
    fingerprint: str
    def __init__(self, retry_seconds: _Optional[int] = ..., fingerprint: _Optional[str] = ...) -> None: ...

class EnrolResponse(_message.Message):
    __slots__ = ("credentials", "pending")
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    credentials: Credentials
    pending: PendingEnrolment
    def __init__(self, credentials: _Optional[_Union[Credentials, _Mapping]] = ..., pending: _Optional[_Union[PendingEnrolment, _Mapping]] = ...) -> None: ...

class ReviveRequest(_message.Message):
    __slots__ = ("certificate", "certificate_request", "nonce", "signature", "knows_publisher", "knows_trust_revision")
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    KNOWS_PUBLISHER_FIELD_NUMBER: _ClassVar[int]
    KNOWS_TRUST_REVISION_FIELD_NUMBER: _ClassVar[int]
    certificate: bytes
    certificate_request: bytes
    nonce: bytes
    signature: bytes
    knows_publisher: bool
    knows_trust_revision: bool
    def __init__(self, certificate: _Optional[bytes] = ..., certificate_request: _Optional[bytes] = ..., nonce: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., knows_publisher: _Optional[bool] = ..., knows_trust_revision: _Optional[bool] = ...) -> None: ...

class ReviveResponse(_message.Message):
    __slots__ = ("nonce", "credentials")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    CREDENTIALS_FIELD_NUMBER: _ClassVar[int]
    nonce: bytes
    credentials: Credentials
    def __init__(self, nonce: _Optional[bytes] = ..., credentials: _Optional[_Union[Credentials, _Mapping]] = ...) -> None: ...

class Credentials(_message.Message):
    __slots__ = ("device_id", "fleet", "certificate", "trust_roots", "device_address", "publisher_root", "trust_revision")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    FLEET_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    TRUST_ROOTS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHER_ROOT_FIELD_NUMBER: _ClassVar[int]
    TRUST_REVISION_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    fleet: str
    certificate: bytes
    trust_roots: _containers.RepeatedScalarFieldContainer[bytes]
    device_address: str
    publisher_root: bytes
    trust_revision: int
    def __init__(self, device_id: _Optional[str] = ..., fleet: _Optional[str] = ..., certificate: _Optional[bytes] = ..., trust_roots: _Optional[_Iterable[bytes]] = ..., device_address: _Optional[str] = ..., publisher_root: _Optional[bytes] = ..., trust_revision: _Optional[int] = ...) -> None: ...
