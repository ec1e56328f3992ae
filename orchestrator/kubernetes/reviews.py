"""Who operates and what they may, by the word of the cluster.

``TokenReview`` says whose token it is. A token is taken only where it is meant for this audience:
one that is meant for the cluster itself would let this program act there as its operator, and one
that somebody gave to another program would let that one operate the fleet. ``SubjectAccessReview``
says what the person may. Both are asked in this program's own name.
"""

from typing import Any

from kubernetes.client import (
    AuthenticationV1Api,
    AuthorizationV1Api,
    V1ResourceAttributes,
    V1SubjectAccessReview,
    V1SubjectAccessReviewSpec,
    V1TokenReview,
    V1TokenReviewSpec,
)

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.kubernetes.access import Access, RefusedError
from orchestrator.operator_ports import Person
from orchestrator.rights import GROUP, Right


class KubernetesPeople:
    """``People``.

    Args:
        access: The way to the cluster.
        namespace: In which rights are asked for; those of the whole cluster hold there, too.
        audience: Whom tokens have to be meant for.
    """

    def __init__(self, access: Access, namespace: str, audience: str) -> None:
        self._access = access
        self._tokens = AuthenticationV1Api(access.client)
        self._rights = AuthorizationV1Api(access.client)
        self._namespace = namespace
        self._audience = audience

    async def identify(self, token: str) -> Person | None:
        review = V1TokenReview(spec=V1TokenReviewSpec(token=token, audiences=[self._audience]))
        try:
            answer = await self._access.ask(self._tokens.create_token_review, review)
        except RefusedError as error:
            raise _unheard("whose token it is", "tokenreviews", error) from error
        status = answer.status
        # Whoever reviews tokens without knowing of audiences leaves them out of the answer.
        if not status or not status.authenticated or self._audience not in (status.audiences or ()):
            return None
        return _person(status.user)

    async def may(self, person: Person, right: Right) -> bool:
        spec = V1SubjectAccessReviewSpec(
            user=person.name,
            uid=person.uid or None,
            groups=list(person.groups),
            extra={name: list(values) for name, values in person.extra} or None,
            resource_attributes=V1ResourceAttributes(
                namespace=self._namespace, verb=right.verb, group=GROUP, resource=right.resource
            ),
        )
        review = V1SubjectAccessReview(spec=spec)
        try:
            answer = await self._access.ask(self._rights.create_subject_access_review, review)
        except RefusedError as error:
            raise _unheard("what somebody may", "subjectaccessreviews", error) from error
        return bool(answer.status and answer.status.allowed and not answer.status.denied)


def _person(user: Any) -> Person | None:
    if not user or not user.username:
        return None
    extra = tuple(sorted((name, tuple(values)) for name, values in (user.extra or {}).items()))
    return Person(user.username, user.uid or "", tuple(user.groups or ()), extra)


def _unheard(what: str, resource: str, error: RefusedError) -> FieldwiseError:
    return FieldwiseError(
        Fault.UNAVAILABLE,
        f"the cluster did not tell {what} ({error}); "
        f"this program's account needs the right to create {resource}",
    )
