"""Whether a call of an operator is let in: by a token of ours, or by the word of the cluster.

The first token, root's, is compared here; it opens everything, and works while the database is
away. The token of an account is looked up at every call, so one that was revoked opens nothing from
then on. The cluster is asked twice, who holds the token and whether they have the right, and its
answers hold for some seconds: a list of commands would else be as many questions, and ``kubectl
create token`` and a RoleBinding that was taken away would work no faster. Answers are kept under
the digest of the token, so that tokens are not. Refusals are kept apart from grants: whoever
invents tokens displaces only those who invent others.

Nobody is let in on no answer. While the cluster is away, calls are told to come back, once the last
answer has grown too old; devices do not notice.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from fieldwise.errors import Fault, FieldwiseError
from orchestrator.operator_ports import AccountStore, People, Person, Tokens
from orchestrator.people import account as rules
from orchestrator.people import claims
from orchestrator.people.account import Account, Presented
from orchestrator.people.claims import Expected
from orchestrator.people.roles import DeniedError, check
from orchestrator.ports import Clock
from orchestrator.rights import GROUP, RIGHTS, Login, Operator, Right

TOKEN_CHARACTERS_MAX = 8192  # an account's has 1,200; gRPC takes headers of 8 KiB
ANSWERS_MAX = 4096  # of each kind: a few hundred bytes each
NAME_CHARACTERS_MAX = 120  # of a name that is told

ROOT = Operator("root", Login.ROOT)

KeyT = TypeVar("KeyT")
AnswerT = TypeVar("AnswerT")


class Admission(Protocol):
    async def admit(self, token: str, method: str) -> Operator:
        """Let a call in.

        Args:
            token: What the caller gave; empty for nothing.
            method: Of the operator API, without its service.

        Returns:
            Who calls.

        Raises:
            FieldwiseError: ``UNAUTHENTICATED``, ``PERMISSION_DENIED``, or ``UNAVAILABLE`` where
                nobody can say.
        """
        ...


class TokenAdmission:
    """``Admission`` of root, to everything, and of accounts, to what their roles have.

    Args:
        token: Root's, in force.
        accounts: Where the others are kept.
        clock: What time it is.
    """

    def __init__(self, token: str, accounts: AccountStore, clock: Clock) -> None:
        self._token = token.encode()
        self._accounts = accounts
        self._clock = clock

    async def admit(self, token: str, method: str) -> Operator:
        _check_given(token)
        if hmac.compare_digest(token.encode(), self._token):
            return ROOT
        given = rules.presented(token)
        if given is None:
            raise rules.unknown()
        account = rules.recognised(await self._known(given), given, self._clock.now())
        operator = Operator(account.name, Login.ACCOUNT, account.id)
        check(operator, account.role, method)
        return operator

    async def _known(self, given: Presented) -> Account | None:
        try:
            return await self._accounts.get(given.account_id)
        except FieldwiseError as error:  # what is wrong inside is not told to just anybody
            raise FieldwiseError(
                Fault.UNAVAILABLE, "nobody can say now whose the token is: the database is away"
            ) from error


class Remembered(Generic[KeyT, AnswerT]):
    """A bounded number of answers, each for a while.

    Args:
        seconds: How long an answer holds; 0 keeps none.
        monotonic: Seconds of a clock that never goes back.
        most: How many are kept; the oldest goes first.
    """

    def __init__(
        self, seconds: float, monotonic: Callable[[], float], most: int = ANSWERS_MAX
    ) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._most = most
        self._kept: OrderedDict[KeyT, tuple[float, AnswerT]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: KeyT) -> AnswerT | None:
        """Return an answer that still holds."""
        since, answer = self._kept.get(key, (float("-inf"), None))
        return answer if self._monotonic() - since < self._seconds else None

    def keep(self, key: KeyT, asked_at: float, answer: AnswerT) -> None:
        """Keep an answer from the moment on at which it was asked for."""
        self._kept[key] = (asked_at, answer)
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


class ClusterAdmission:
    """``Admission`` by the word of a cluster.

    Args:
        people: Who knows tokens and rights.
        advice: How a person comes by a token that is taken.
        seconds: How long an answer holds.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(
        self, people: People, advice: str, seconds: float, monotonic: Callable[[], float]
    ) -> None:
        self._people = people
        self._advice = advice
        self._monotonic = monotonic
        self._known: Remembered[bytes, Person] = Remembered(seconds, monotonic)
        self._unknown: Remembered[bytes, bool] = Remembered(seconds, monotonic)
        self._rights: Remembered[tuple[Person, Right], bool] = Remembered(seconds, monotonic)

    async def admit(self, token: str, method: str) -> Operator:
        _check_given(token)
        person = await self._identified(token)
        if person is None:
            raise FieldwiseError(
                Fault.UNAUTHENTICATED,
                f"the cluster does not take the token, or it has expired; {self._advice}",
            )
        operator = Operator(person.name, Login.KUBERNETES, person.uid)
        right = RIGHTS.get(method)
        if right is None or not await self._has(person, right):
            told = f"{right} of {GROUP}" if right else f"call {method}"
            raise DeniedError(operator, f"{person.name[:NAME_CHARACTERS_MAX]} may not {told}")
        return operator

    async def _identified(self, token: str) -> Person | None:
        digest = hashlib.sha256(token.encode()).digest()
        if (known := self._known.get(digest)) is not None:
            return known
        if self._unknown.get(digest):
            return None
        asked_at = self._monotonic()
        person = await self._people.identify(token)
        if person is None:
            self._unknown.keep(digest, asked_at, answer=True)
        else:
            self._known.keep(digest, asked_at, person)
        return person

    async def _has(self, person: Person, right: Right) -> bool:
        kept = self._rights.get((person, right))
        if kept is not None:
            return kept
        asked_at = self._monotonic()
        answer = await self._people.may(person, right)
        self._rights.keep((person, right), asked_at, answer)
        return answer


class OidcAdmission:
    """``Admission`` of whom an issuer of OpenID Connect knows, to what their role has.

    Args:
        tokens: Who knows what the issuer has signed.
        expected: Which of its tokens are taken, and what they make of somebody.
        clock: What time it is.
    """

    def __init__(self, tokens: Tokens, expected: Expected, clock: Clock) -> None:
        self._tokens = tokens
        self._expected = expected
        self._clock = clock

    async def admit(self, token: str, method: str) -> Operator:
        _check_given(token)
        given = await self._tokens.claims(token)
        claims.check(given, self._expected, self._clock.now())
        operator, role = (
            claims.operator_of(given, self._expected),
            claims.role_of(given, self._expected),
        )
        if role is None:
            path = ".".join(self._expected.roles_claim)
            raise DeniedError(
                operator, f"{operator.name} has no role here: nothing in {path} is mapped to one"
            )
        check(operator, role, method)
        return operator


def _check_given(token: str) -> None:
    if not token:
        raise FieldwiseError(Fault.UNAUTHENTICATED, "the call came without an operator token")
    if len(token) > TOKEN_CHARACTERS_MAX or not (token.isascii() and token.isprintable()):
        raise FieldwiseError(Fault.UNAUTHENTICATED, "what the call came with is no operator token")
