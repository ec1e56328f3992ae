from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.identity import certificate_request, generate_key
from orchestrator.applicant_ports import Question
from orchestrator.enrolment.admission_rules import Decision, Judged, Way, parse_rule
from orchestrator.enrolment.applicant import Stage
from orchestrator.enrolment.applying import Admission, Applications, Waiting
from orchestrator.enrolment.authority import fingerprint_of, found_authority
from orchestrator.enrolment.service import Credentials, Enrolment, Minted
from orchestrator.fleet.device import Facts
from orchestrator.fleet.tags import TAGS_MAX
from orchestrator.paging import PageRequest
from orchestrator.storage.memory import memory_stores
from tests.fleet_records import FACTS, NOW, CountedEntropy, SetClock

KEY, OTHER_KEY = generate_key(), generate_key()
REQUEST, OTHER_REQUEST = certificate_request(KEY), certificate_request(OTHER_KEY)
FINGERPRINT = fingerprint_of(KEY.public_key())
RETRY = 60
AWAY = FieldwiseError(Fault.UNAVAILABLE, "away")


@dataclass
class CannedHook:
    """Somebody to ask, who answers what is set."""

    answer: Judged | FieldwiseError = AWAY
    asked: list[Question] = field(default_factory=list)

    async def ask(self, question: Question) -> Judged:
        self.asked.append(question)
        if isinstance(self.answer, FieldwiseError):
            raise self.answer
        return self.answer


class Fleet:
    def __init__(self, way: Way = Way.PENDING, rules: Sequence[str] = (), most: int = 10) -> None:
        self.clock, self.stores, self.hook = SetClock(), memory_stores(), CannedHook()
        self.admission = Admission(
            fleet="bakery",
            way=way,
            rules=tuple(map(parse_rule, rules)),
            hook=self.hook,
            applicants_max=most,
            applicant_seconds=7200,
            retry_seconds=RETRY,
        )
        self.decide_by(self.admission)

    def decide_by(self, admission: Admission) -> None:
        self.applications = Applications(self.stores.applicants, self.clock, admission)
        self.enrolment = Enrolment(
            self.stores.tickets,
            self.stores.members,
            found_authority("bakery", generate_key(), NOW),
            self.clock,
            CountedEntropy(),
            self.applications,
        )

    async def mint(self, uses: int = 1, *, needs_word: bool = False) -> Minted:
        tags = {"site": "berlin"}
        return await self.enrolment.create_ticket(uses, 3600, tags, needs_word=needs_word)

    async def enrol(
        self, minted: Minted, request: bytes = REQUEST, facts: Facts = FACTS
    ) -> Credentials | Waiting:
        return await self.enrolment.enrol(minted.ticket.id, minted.secret, request, facts)

    async def waits(self, minted: Minted, request: bytes = REQUEST) -> str:
        """Check that a device has to wait; return the id that it will have."""
        given = await self.enrol(minted, request)
        assert isinstance(given, Waiting), given
        found = await self.stores.applicants.find(given.fingerprint)
        assert found is not None
        return found.device

    async def joins(self, minted: Minted, request: bytes = REQUEST) -> str:
        given = await self.enrol(minted, request)
        assert isinstance(given, Credentials), given
        return given.device_id

    async def refused(self, minted: Minted, request: bytes = REQUEST) -> FieldwiseError:
        with pytest.raises(FieldwiseError) as caught:
            await self.enrol(minted, request)
        return caught.value

    async def uses(self, minted: Minted) -> int:
        kept = await self.stores.tickets.get(minted.ticket.id)
        assert kept is not None
        return kept.uses

    async def reason(self) -> str:
        found = await self.stores.applicants.find(FINGERPRINT)
        assert found is not None
        return found.reason


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


class TestPending:
    async def test_a_device_waits_until_it_is_accepted_and_joins_by_the_id_it_had(
        self, fleet: Fleet
    ) -> None:
        minted = await fleet.mint()
        assert await fleet.enrol(minted) == Waiting(FINGERPRINT, RETRY)
        device = await fleet.waits(minted)
        assert await fleet.stores.devices.standings() == []
        await fleet.applications.accept(device, {"line": "3"})
        assert await fleet.joins(minted) == device
        assert (await fleet.stores.devices.get(device)).tags == {"line": "3", "site": "berlin"}
        assert await fleet.uses(minted) == 1

    async def test_whoever_waits_holds_a_use_that_nobody_else_gets(self, fleet: Fleet) -> None:
        minted = await fleet.mint()
        await fleet.waits(minted)
        error = await fleet.refused(minted, OTHER_REQUEST)
        assert error.fault is Fault.TICKET_INVALID

    async def test_whoever_is_rejected_hears_why_and_its_use_is_free(self, fleet: Fleet) -> None:
        minted = await fleet.mint()
        await fleet.applications.reject(await fleet.waits(minted), "not ours")
        for _ in range(2):
            error = await fleet.refused(minted)
            assert error.fault is Fault.ADMISSION_REFUSED
            assert "not ours" in error.sentence
        assert await fleet.waits(minted, OTHER_REQUEST)

    async def test_a_ticket_that_expires_meanwhile_takes_nobody_his_place(
        self, fleet: Fleet
    ) -> None:
        minted = await fleet.mint(uses=2)
        device = await fleet.waits(minted)
        fleet.clock.pass_by(3600)
        assert await fleet.waits(minted) == device
        await fleet.applications.accept(device, {})
        assert await fleet.joins(minted) == device
        assert await fleet.joins(minted) == device, "an answer that was lost"
        assert (await fleet.refused(minted, OTHER_REQUEST)).fault is Fault.TICKET_INVALID

    @pytest.mark.parametrize("accepted", [True, False])
    async def test_a_ticket_that_is_revoked_lets_nobody_in(
        self, fleet: Fleet, accepted: bool
    ) -> None:
        minted = await fleet.mint()
        device = await fleet.waits(minted)
        if accepted:
            await fleet.applications.accept(device, {})
        await fleet.enrolment.revoke_ticket(minted.ticket.id)
        assert (await fleet.refused(minted)).fault is Fault.TICKET_INVALID

    async def test_another_ones_ticket_helps_nobody_to_an_expired_one(self, fleet: Fleet) -> None:
        minted = await fleet.mint(uses=2)
        await fleet.waits(minted)
        fleet.clock.pass_by(3600)
        assert (await fleet.refused(minted, OTHER_REQUEST)).fault is Fault.TICKET_INVALID

    async def test_the_secret_is_asked_for_each_time(self, fleet: Fleet) -> None:
        minted = await fleet.mint()
        await fleet.applications.accept(await fleet.waits(minted), {})
        error = await fleet.refused(replace(minted, secret=bytes(32)))
        assert error.fault is Fault.TICKET_INVALID

    async def test_whoever_does_not_come_is_forgotten_and_may_begin_anew(
        self, fleet: Fleet
    ) -> None:
        minted = await fleet.mint()
        first = await fleet.waits(minted)
        fleet.clock.pass_by(7200)
        other = await fleet.mint()
        assert await fleet.waits(other) != first
        assert await fleet.uses(minted) == 0
        fleet.clock.pass_by(7200)
        await fleet.applications.sweep()
        assert await fleet.uses(other) == 0
        assert (await fleet.applications.list(PageRequest())).items == ()

    async def test_another_ticket_begins_anew_for_whoever_waits_or_was_rejected(
        self, fleet: Fleet
    ) -> None:
        minted, other = await fleet.mint(), await fleet.mint()
        await fleet.waits(minted)
        device = await fleet.waits(other)
        assert (await fleet.uses(minted), await fleet.uses(other)) == (0, 1)
        await fleet.applications.reject(device, "")
        assert await fleet.waits(minted) != device
        assert (await fleet.uses(minted), await fleet.uses(other)) == (1, 0)

    async def test_a_member_does_not_wait_when_it_asks_again(self, fleet: Fleet) -> None:
        open_fleet = Fleet(Way.TICKET)
        minted = await open_fleet.mint()
        device = await open_fleet.joins(minted)
        open_fleet.decide_by(fleet.admission)
        assert await open_fleet.joins(minted) == device

    async def test_only_so_many_wait(self) -> None:
        fleet = Fleet(most=1)
        minted = await fleet.mint(uses=9)
        await fleet.waits(minted)
        assert (await fleet.refused(minted, OTHER_REQUEST)).fault is Fault.BUSY
        assert await fleet.uses(minted) == 1

    async def test_bad_tags_accept_nobody(self, fleet: Fleet) -> None:
        device = await fleet.waits(await fleet.mint())
        with pytest.raises(FieldwiseError):
            await fleet.applications.accept(device, {"": "x"})
        found = await fleet.stores.applicants.find(FINGERPRINT)
        assert found is not None
        assert found.stage is Stage.WAITING

    async def test_a_setting_that_was_changed_holds_for_those_who_wait(self, fleet: Fleet) -> None:
        minted = await fleet.mint()
        device = await fleet.waits(minted)
        fleet.decide_by(replace(fleet.admission, way=Way.TICKET))
        assert await fleet.waits(minted) == device
        fleet.clock.pass_by(RETRY)
        assert await fleet.joins(minted) == device


class TestTicket:
    async def test_a_ticket_may_ask_for_more_than_the_fleet_does(self) -> None:
        fleet = Fleet(Way.TICKET)
        plain, strict = await fleet.mint(), await fleet.mint(needs_word=True)
        device = await fleet.waits(strict)
        assert await fleet.joins(plain, OTHER_REQUEST)
        fleet.clock.pass_by(RETRY)
        assert await fleet.waits(strict) == device
        await fleet.applications.accept(device, {})
        assert await fleet.joins(strict) == device

    async def test_a_ticket_never_asks_for_less(self) -> None:
        fleet = Fleet(Way.RULES, ["reject"])
        error = await fleet.refused(await fleet.mint(needs_word=True))
        assert error.fault is Fault.ADMISSION_REFUSED

    async def test_a_request_asks_for_one_kind_of_ticket(self) -> None:
        fleet, name = Fleet(), "0f" * 16
        await fleet.enrolment.create_ticket(1, 3600, {}, name, needs_word=True)
        with pytest.raises(FieldwiseError) as caught:
            await fleet.enrolment.create_ticket(1, 3600, {}, name)
        assert caught.value.fault is Fault.INVALID_ARGUMENT


class TestRules:
    async def test_rules_let_in_keep_waiting_and_turn_away(self) -> None:
        fleet = Fleet(Way.RULES, ["accept architecture=aarch64", "reject architecture=mips"])
        minted = await fleet.mint(uses=3)
        facts = [Facts(architecture=each) for each in ("aarch64", "mips", "x86_64")]
        requests = [certificate_request(generate_key()) for _ in facts]
        assert isinstance(await fleet.enrol(minted, requests[0], facts[0]), Credentials)
        with pytest.raises(FieldwiseError) as caught:
            await fleet.enrol(minted, requests[1], facts[1])
        assert caught.value.fault is Fault.ADMISSION_REFUSED
        assert isinstance(await fleet.enrol(minted, requests[2], facts[2]), Waiting)
        assert await fleet.uses(minted) == 2

    async def test_a_device_is_not_asked_about_that_has_no_use_of_its_ticket(self) -> None:
        fleet = Fleet(Way.WEBHOOK)
        fleet.hook.answer = Judged(Decision.ACCEPT)
        minted = await fleet.mint()
        await fleet.joins(minted)
        assert (await fleet.refused(minted, OTHER_REQUEST)).fault is Fault.TICKET_INVALID
        assert len(fleet.hook.asked) == 1


class TestWebhook:
    async def test_it_hears_who_asks_and_its_tags_are_written(self) -> None:
        fleet = Fleet(Way.WEBHOOK)
        fleet.hook.answer = Judged(Decision.ACCEPT, {"rack": "7", "site": "paris"})
        minted = await fleet.mint()
        device = await fleet.joins(minted)
        assert (await fleet.stores.devices.get(device)).tags == {"rack": "7", "site": "paris"}
        assert fleet.hook.asked == [
            Question("bakery", minted.ticket.id, FINGERPRINT, FACTS, {"site": "berlin"})
        ]

    async def test_while_it_is_away_nobody_gets_in_and_nobody_is_lost(self) -> None:
        fleet = Fleet(Way.WEBHOOK)
        minted = await fleet.mint()
        device = await fleet.waits(minted)
        fleet.clock.pass_by(RETRY)
        assert await fleet.waits(minted) == device
        assert "webhook" in await fleet.reason()
        fleet.hook.answer = Judged(Decision.ACCEPT, {"rack": "7"})
        assert await fleet.waits(minted) == device, "it is not asked before its time"
        fleet.clock.pass_by(RETRY)
        assert await fleet.joins(minted) == device
        assert (await fleet.stores.devices.get(device)).tags == {"rack": "7", "site": "berlin"}

    async def test_more_tags_than_a_device_holds_let_nobody_in_and_lose_nobody(self) -> None:
        fleet = Fleet(Way.WEBHOOK)
        minted = await fleet.mint()  # whose one tag comes on top
        fleet.hook.answer = Judged(Decision.ACCEPT, {f"k{n}": "v" for n in range(TAGS_MAX)})
        device = await fleet.waits(minted)
        fleet.clock.pass_by(RETRY)
        assert await fleet.waits(minted) == device
        assert "tags" in await fleet.reason()
        fleet.clock.pass_by(RETRY)
        fleet.hook.answer = Judged(Decision.ACCEPT)
        assert await fleet.joins(minted) == device

    async def test_it_may_turn_away_at_once_and_later(self) -> None:
        fleet = Fleet(Way.WEBHOOK)
        minted = await fleet.mint()
        await fleet.waits(minted)
        fleet.clock.pass_by(RETRY)
        fleet.hook.answer = Judged(Decision.REJECT, reason="stolen")
        for request in (REQUEST, OTHER_REQUEST):
            error = await fleet.refused(minted, request)
            assert error.fault is Fault.ADMISSION_REFUSED
            assert "stolen" in error.sentence
        assert await fleet.uses(minted) == 0

    async def test_an_operator_may_be_faster(self) -> None:
        fleet = Fleet(Way.WEBHOOK)
        minted = await fleet.mint()
        device = await fleet.waits(minted)
        fleet.clock.pass_by(RETRY)
        ask = fleet.hook.ask

        async def ask_slowly(question: Question) -> Judged:
            await fleet.applications.reject(device, "an operator was here")
            return await ask(question)

        fleet.hook.answer = Judged(Decision.ACCEPT)
        fleet.hook.ask = ask_slowly  # type: ignore[method-assign]  # meanwhile
        assert await fleet.waits(minted) == device
        assert "was here" in (await fleet.refused(minted)).sentence

    async def test_what_goes_wrong_otherwise_lets_nobody_in(self) -> None:
        fleet = Fleet(Way.WEBHOOK)
        fleet.hook.answer = FieldwiseError(Fault.SETTING_INVALID, "no secret")
        error = await fleet.refused(await fleet.mint())
        assert error.fault is Fault.SETTING_INVALID
        assert await fleet.stores.devices.standings() == []

    async def test_a_ticket_that_asks_for_a_word_needs_both(self) -> None:
        fleet = Fleet(Way.WEBHOOK)
        fleet.hook.answer = Judged(Decision.ACCEPT, {"rack": "7"})
        minted = await fleet.mint(needs_word=True)
        device = await fleet.waits(minted)
        await fleet.applications.accept(device, {})
        assert await fleet.joins(minted) == device
        assert (await fleet.stores.devices.get(device)).tags == {"rack": "7", "site": "berlin"}
