"""An operator's own service that says which devices are let in, asked over https.

Only so many questions are asked at a time, and who comes then hears that there is none:
``orchestrator.https`` says what one of them may cost.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.applicant_ports import Question
from orchestrator.enrolment.admission_rules import Decision, Judged
from orchestrator.enrolment.applicant import REASON_CHARACTERS_MAX
from orchestrator.fleet.tags import TAGS_MAX, check_tags
from orchestrator.https import HttpsDocuments

BODY_BYTES_MAX = 65_536
SECRET_BYTES_MAX = 4096
TOLD_CHARACTERS_MAX = 900
ASKED_AT_ONCE = 8


class Answer(msgspec.Struct, frozen=True):
    """What a service may say; what else it says is not read."""

    decision: Decision
    tags: Annotated[dict[str, str], Meta(max_length=TAGS_MAX)] = {}
    reason: Annotated[str, Meta(max_length=REASON_CHARACTERS_MAX)] = ""


@dataclass(frozen=True, slots=True)
class WebhookPlace:
    """Where it is, and how it is asked."""

    url: str
    authorities: Path | None = None
    secret: Path | None = None
    seconds: float = 5.0


class Webhook:
    """``AdmissionHook`` over https.

    Args:
        place: Where it is.
        environment: Variables, which may name a proxy.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where a file cannot be read.
    """

    def __init__(self, place: WebhookPlace, environment: Mapping[str, str] = os.environ) -> None:
        self._place = place
        self._documents = HttpsDocuments(
            place.authorities, "admission_webhook_ca", place.seconds, environment
        )
        self._under_way = 0
        self._secret()

    async def ask(self, question: Question) -> Judged:
        if self._under_way >= ASKED_AT_ONCE:
            raise _away(f"{ASKED_AT_ONCE} questions are under way")
        self._under_way += 1
        try:
            return _judged(await self._posted(_body(question)))
        except FieldwiseError as error:  # that of a file as well, which was there at the start
            raise _away(error.sentence) from error
        finally:
            self._under_way -= 1

    async def _posted(self, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        if secret := self._secret():
            headers["Authorization"] = f"Bearer {secret}"
        return await self._documents.post(self._place.url, headers, body, BODY_BYTES_MAX)

    def _secret(self) -> str:
        if self._place.secret is None:
            return ""
        try:
            with self._place.secret.open("rb") as file:
                text = file.read(SECRET_BYTES_MAX).strip().decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise _unreadable("admission_webhook_secret_file", self._place.secret) from error
        if not text.isprintable() or not text or " " in text:
            raise _unreadable("admission_webhook_secret_file", self._place.secret)
        return text


def _judged(body: bytes) -> Judged:
    try:
        answer = msgspec.json.decode(body, type=Answer)
        return Judged(answer.decision, check_tags(answer.tags), _line(answer.reason))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, FieldwiseError) as error:
        raise FieldwiseError(Fault.UNAVAILABLE, f"its answer means nothing: {error}") from error


def _body(question: Question) -> bytes:
    told = {
        "fleet": question.fleet,
        "ticket_id": question.ticket,
        "key_fingerprint": question.fingerprint,
        "facts": asdict(question.facts),
        "tags": dict(question.tags),
    }
    return msgspec.json.encode(told)


def _line(text: str, most: int = REASON_CHARACTERS_MAX) -> str:
    return "".join(each if each.isprintable() else " " for each in text)[:most]


def _away(reason: str) -> FieldwiseError:
    return FieldwiseError(
        Fault.UNAVAILABLE,
        f"the admission webhook gives no answer: {_line(reason, TOLD_CHARACTERS_MAX)}",
    )


def _unreadable(setting: str, path: Path | None) -> FieldwiseError:
    return FieldwiseError(Fault.SETTING_INVALID, f"{setting}: {path} cannot be used")
