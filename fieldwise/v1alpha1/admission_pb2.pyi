import datetime

from fieldwise.v1alpha1 import enrolment_pb2 as _enrolment_pb2
from fieldwise.v1alpha1 import limits_pb2 as _limits_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ApplicantStage(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    APPLICANT_STAGE_UNSPECIFIED: _ClassVar[ApplicantStage]
    APPLICANT_STAGE_WAITING: _ClassVar[ApplicantStage]
    APPLICANT_STAGE_ACCEPTED: _ClassVar[ApplicantStage]
    APPLICANT_STAGE_JOINED: _ClassVar[ApplicantStage]
    APPLICANT_STAGE_REJECTED: _ClassVar[ApplicantStage]
APPLICANT_STAGE_UNSPECIFIED: ApplicantStage
APPLICANT_STAGE_WAITING: ApplicantStage
APPLICANT_STAGE_ACCEPTED: ApplicantStage
APPLICANT_STAGE_JOINED: ApplicantStage
APPLICANT_STAGE_REJECTED: ApplicantStage

class Applicant(_message.Message):
    __slots__ = ("device_id", "fingerprint", "ticket_id", "stage", "facts", "tags", "apply_time", "ask_time", "expire_time", "reason")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    TICKET_ID_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    APPLY_TIME_FIELD_NUMBER: _ClassVar[int]
    ASK_TIME_FIELD_NUMBER: _ClassVar[int]
    EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    fingerprint: str
    ticket_id: str
    stage: ApplicantStage
    facts: _enrolment_pb2.DeviceFacts
    tags: _containers.ScalarMap[str, str]
    apply_time: _timestamp_pb2.Timestamp
    ask_time: _timestamp_pb2.Timestamp
    expire_time: _timestamp_pb2.Timestamp
    reason: str
    def __init__(self, device_id: _Optional[str] = ..., fingerprint: _Optional[str] = ..., ticket_id: _Optional[str] = ..., stage: _Optional[_Union[ApplicantStage, str]] = ..., facts: _Optional[_Union[_enrolment_pb2.DeviceFacts, _Mapping]] = ..., tags: _Optional[_Mapping[str, str]] = ..., apply_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ask_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...

class ListApplicantsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListApplicantsResponse(_message.Message):
    __slots__ = ("applicants", "next_page_token")
    APPLICANTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    applicants: _containers.RepeatedCompositeFieldContainer[Applicant]
    next_page_token: str
    def __init__(self, applicants: _Optional[_Iterable[_Union[Applicant, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AcceptDeviceRequest(_message.Message):
    __slots__ = ("device_id", "tags")
    class TagsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    tags: _containers.ScalarMap[str, str]
    def __init__(self, device_id: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ...) -> None: ...

class AcceptDeviceResponse(_message.Message):
    __slots__ = ("applicant",)
    APPLICANT_FIELD_NUMBER: _ClassVar[int]
    applicant: Applicant
    def __init__(self, applicant: _Optional[_Union[Applicant, _Mapping]] = ...) -> None: ...

class RejectDeviceRequest(_message.Message):
    __slots__ = ("device_id", "reason")
    DEVICE_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    device_id: str
    reason: str
    def __init__(self, device_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class RejectDeviceResponse(_message.Message):
    __slots__ = ("applicant",)
    APPLICANT_FIELD_NUMBER: _ClassVar[int]
    applicant: Applicant
    def __init__(self, applicant: _Optional[_Union[Applicant, _Mapping]] = ...) -> None: ...
