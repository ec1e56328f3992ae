"""A small fleet with campaigns, seeded: devices, two replicas, an aggregator, an operator.

Whatever may go wrong does: messages are lost and doubled, files fail half-way, replicas forget what
they remembered, the aggregator is killed between any two calls, owners change their minds, devices
leave. After every deed ``campaign_checks`` looks at what is stored beside what devices were told.
"""

import random
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace

from fieldwise.bundle import digest_of
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import (
    Consent,
    FederationReport,
    HeadOutcome,
    RoundOffer,
    RoundStep,
    RowKind,
    Update,
    UpdateReceipt,
)
from orchestrator.federation.campaign import Campaign, RoundResult
from orchestrator.federation.campaigns import Campaigns
from orchestrator.federation.contribution import Submission
from orchestrator.federation.offering import Offering
from orchestrator.federation.phases import RoundPhase
from orchestrator.federation.receiving import Receiving
from orchestrator.federation.rounds import Rounds
from orchestrator.federation.sweeping import Sweeping
from orchestrator.fleet.check_in import CheckIns
from orchestrator.fleet.report import Report
from orchestrator.storage.memory import memory_stores
from orchestrator.storage.memory_contents import Contents
from tests.campaigns import BACKBONE, SPACE, head_of, plan, update
from tests.fleet_records import CountedEntropy, SetClock, caller, join
from tests.simulation.campaign_checks import Given, Witness

DEVICES, DEEDS = 7, 220
# Turns without a mishap: in the first, people still change their minds, and the last bring no head.
CALM, LIVELY, STILL = 100, 40, 5
LOST = 0.1


class Files:
    """``UpdateFiles`` that fail now and then, before or after they have kept something."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.kept: dict[str, bytes] = {}
        self.fails = 0.05

    async def put(self, digest: str, content: AsyncIterable[bytes]) -> int:
        whole = b"".join([piece async for piece in content])
        assert digest_of(whole) == digest
        self._fail()
        self.kept[digest] = whole
        self._fail()
        return len(whole)

    async def size(self, digest: str) -> int | None:
        return len(self.kept[digest]) if digest in self.kept else None

    async def read(self, digest: str, offset: int = 0) -> AsyncIterator[bytes]:
        yield self.kept[digest][offset:]

    async def drop(self, digest: str) -> None:
        self._fail()
        self.kept.pop(digest, None)

    def _fail(self) -> None:
        if self._dice.random() < self.fails:
            raise FieldwiseError(Fault.UNAVAILABLE, "the disk is away")


@dataclass(slots=True)
class Replica:
    """A replica with what it remembers."""

    check_ins: CheckIns
    receiving: Receiving
    rounds: Rounds


@dataclass(slots=True)
class Agent:
    """A device as it believes itself to be."""

    name: str
    consent: Consent
    sequence: int = 0
    federation: FederationReport | None = None
    offer: RoundOffer | None = None
    sent: list[tuple[Campaign, Submission, Update]] = field(default_factory=list)


class World:
    """See the module; the seed decides everything."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.clock = SetClock()
        self.contents = Contents()
        self.stores = memory_stores(self.contents, self.clock.now)
        self.files = Files(self.dice)
        self.entropy = CountedEntropy()
        self.replicas = [self._replica() for _ in range(2)]
        self.campaigns = Campaigns(
            self.stores.campaigns, self.stores.backbones, self.clock, statistics_allowed=True
        )
        sweeping = Sweeping(self.stores.contributions, self.files, self.clock)
        self.sweep = sweeping.sweep
        self.agents = [Agent(f"d{n}", self.dice.choice(list(Consent))) for n in range(DEVICES)]
        self.witness = Witness(self.contents, self.files.kept)
        self.trace: list[str] = []
        self.calm = False

    async def run(self) -> None:
        await self.stores.backbones.add(BACKBONE)
        for agent in self.agents:
            await join(self.stores, agent.name, site=self.dice.choice(("berlin", "rome")))
        deeds = (
            (self._check_in, 10),
            (self._answer, 8),
            (self._aggregate, 5),
            (self._look, 2),
            (self._sweep, 2),
            (self._wait, 4),
            (self._send_again, 2),
            (self._change_mind, 1),
            (self._forget, 1),
            (self._start, 0.7),
            (self._roll_back, 0.5),
            (self._stop, 0.15),
            (self._remove, 0.1),
        )
        await self._start()
        for _ in range(DEEDS):
            [deed] = self.dice.choices(
                [each for each, _ in deeds], weights=[weight for _, weight in deeds]
            )
            self.trace.append(deed.__name__)
            await self._tried(deed)
            self.witness.look(self.clock.now())
        await self._settle()

    def _replica(self) -> Replica:
        offering = Offering(self.stores.campaigns, self.stores.contributions, self.clock)
        return Replica(
            CheckIns(self.stores.check_ins, self.clock, offering=offering),
            Receiving(offering, self.stores.contributions, self.files, self.clock),
            Rounds(self.stores.campaigns, self.stores.contributions, self.clock, self.entropy),
        )

    async def _tried(self, deed: Callable[[], Awaitable[None]]) -> None:
        try:
            await deed()
        except FieldwiseError as error:
            if error.fault is not Fault.UNAVAILABLE:
                raise

    def _any_replica(self) -> Replica:
        return self.dice.choice(self.replicas)

    def _is_lost(self) -> bool:
        return not self.calm and self.dice.random() < LOST

    def _members(self) -> list[Agent]:
        return [each for each in self.agents if each.name not in self.contents.removed]

    async def _check_in(self) -> None:
        if self._members():
            await self.check_in(self.dice.choice(self._members()))

    async def check_in(self, agent: Agent) -> None:
        agent.sequence += 1
        took_part = agent.federation is not None
        base = agent.federation or FederationReport(agent.consent)
        told = replace(base, consent=agent.consent)
        federation = told if took_part or agent.consent is not Consent.OFF else None
        report = Report(1, agent.sequence, bundle_in_use=SPACE.bundle, federation=federation)
        if self._is_lost():
            return
        self.witness.hear(agent.name, agent.consent)
        orders = await self._any_replica().check_ins.check_in(caller(agent.name), report)
        self.witness.offered(agent.name, agent.consent, orders.offers, self.clock.now())
        if self._is_lost():
            return
        offered, head = orders.offers.round, orders.offers.head
        if offered is not None:
            assert not self._has_answered(told, offered)
            agent.offer = offered
            told = replace(
                told, campaign=offered.campaign, round=offered.round, step=RoundStep.WAITING
            )
        if head is not None:
            assert (told.head_campaign, told.head_version) != (head.campaign, head.version)
            told = replace(
                told,
                head_campaign=head.campaign,
                head_version=head.version,
                outcome=self.dice.choice(list(HeadOutcome)),
            )
        if offered is not None or head is not None or took_part:
            agent.federation = told

    @staticmethod
    def _has_answered(told: FederationReport, offered: RoundOffer) -> bool:
        same = (told.campaign, told.round) == (offered.campaign, offered.round)
        return same and told.step is not RoundStep.WAITING

    async def _answer(self) -> None:
        waiting = [each for each in self._members() if each.offer is not None]
        if waiting:
            await self.answer(self.dice.choice(waiting))

    async def answer(self, agent: Agent) -> None:
        offer = agent.offer
        assert offer is not None
        if not agent.consent.covers(offer.level):
            return self._end(agent, RoundStep.NOT_AGREED)
        if not self.calm and self.dice.random() < 0.15:
            return self._end(agent, RoundStep.TOO_FEW)
        replica = self._any_replica()
        try:
            task = await replica.receiving.task(agent.name, offer.campaign, offer.round)
        except FieldwiseError as error:
            if error.fault is not Fault.NOT_FOUND:
                raise
            return self._end(agent, RoundStep.UNSUITABLE)
        if self._is_lost():
            return None
        self.witness.tasked(agent.name, task.campaign)
        rubbish = not self.calm and self.dice.random() < 0.1
        classes = tuple(sorted(self.dice.sample((1, 2, 3), self.dice.randint(1, 3))))
        base = task.campaign.round.base_version if task.campaign.round else 0
        weights = task.campaign.plan.kind is RowKind.WEIGHTS
        made = update(
            task.campaign,
            value=float(self.dice.randint(1, 1000)),
            classes=classes,
            samples=3 if rubbish else 20,
        )
        made = replace(made, base_version=base if weights else 0)
        sent = Submission(offer.campaign, offer.round, SPACE, head_of(made))
        agent.sent.append((task.campaign, sent, made))
        receipt = await self._submit(agent, len(agent.sent) - 1)
        assert not (rubbish and receipt is UpdateReceipt.TAKEN)
        if self._is_lost():
            return None
        steps = {UpdateReceipt.TAKEN: RoundStep.ANSWERED}
        return self._end(agent, steps.get(receipt, RoundStep.REFUSED))

    def _end(self, agent: Agent, step: RoundStep) -> None:
        assert agent.offer is not None
        base = agent.federation or FederationReport(agent.consent)
        if (base.campaign, base.round) == (agent.offer.campaign, agent.offer.round):
            agent.federation = replace(base, step=step)
        agent.offer = None

    async def _submit(self, agent: Agent, which: int) -> UpdateReceipt:
        campaign, sent, made = agent.sent[which]
        replica = self._any_replica()
        receipt = await replica.receiving.expect(agent.name, sent)
        if receipt is None:
            receipt = await replica.receiving.take(agent.name, sent, made)
        if receipt is UpdateReceipt.TAKEN:
            classes = frozenset(row.class_id for row in made.rows)
            self.witness.took(Given(campaign.number, sent.round, agent.name, sent.update, classes))
        return receipt

    async def _send_again(self) -> None:
        """Let an old message come through late, or another time."""
        agent = self.dice.choice(self.agents)
        if agent.sent and agent in self._members():
            await self._submit(agent, self.dice.randrange(len(agent.sent)))

    async def _aggregate(self) -> None:
        working = await self.stores.campaigns.working()
        if working:
            await self.aggregate(self.dice.choice(list(working)))

    async def aggregate(self, campaign_id: str) -> None:
        rounds = self._any_replica().rounds
        opening = await rounds.open(campaign_id)
        current = opening.campaign.under_way
        if current is None or self._is_lost():
            return
        seen = await rounds.look(campaign_id)
        if seen.round is None or seen.round.phase is not RoundPhase.CLOSED or self._is_lost():
            return
        self.witness.aggregated(seen, await rounds.contributions(campaign_id))
        for attempt in range(self.dice.randint(1, 2)):
            digest = digest_of(f"{campaign_id} {seen.round.number} {attempt}".encode())
            result = RoundResult(seen.round.number, digest, 1000, classes=1)
            head = await self._any_replica().rounds.commit(campaign_id, result)
            self.witness.committed(seen, head)
            if self._is_lost():
                return

    async def _look(self) -> None:
        await self._any_replica().rounds.look_at_all()

    async def _sweep(self) -> None:
        await self.sweep()

    async def _wait(self) -> None:
        self.clock.pass_by(self.dice.choice((1, 10, 60, 300)))
        await self._flush()

    async def _flush(self) -> None:
        for replica in self.replicas:
            await replica.check_ins.flush()

    async def _change_mind(self) -> None:
        self.dice.choice(self.agents).consent = self.dice.choice(list(Consent))

    async def _forget(self) -> None:
        self.replicas[self.dice.randrange(2)] = self._replica()

    async def _start(self) -> None:
        level = self.dice.choice((Consent.WEIGHTS, Consent.WEIGHTS, Consent.STATISTICS))
        means = level is Consent.STATISTICS or self.dice.random() < 0.6
        asked = self.dice.choice((0, 0, 3))
        started = await self.campaigns.start(
            plan(
                cohort=self.dice.choice(("", "", "site=berlin")),
                level=level,
                kind=RowKind.MEANS if means else RowKind.WEIGHTS,
                rounds=self.dice.choice((0, 1, 2)),
                quorum=self.dice.choice((2, 2, 3)),
                participants=asked,
                over_selection=0.3,
                deadline_seconds=self.dice.choice((120, 600)),
                pause_seconds=60,
            )
        )
        assert started.number == len(self.contents.campaigns)

    async def _roll_back(self) -> None:
        made = [
            (number, version) for number, heads in self.contents.heads.items() for version in heads
        ]
        if made:
            number, version = self.dice.choice(made)
            before = self.contents.campaigns[number]
            head = await self.campaigns.roll_back(f"c{number}", version)
            self.witness.rolled_back(before, version, head)

    async def _stop(self) -> None:
        if self.contents.campaigns:
            await self.campaigns.stop(f"c{self.dice.choice(list(self.contents.campaigns))}")

    async def _remove(self) -> None:
        if len(self._members()) > 4:
            await self.stores.members.remove(
                self.dice.choice(self._members()).name, self.clock.now()
            )

    async def _settle(self) -> None:
        """Let everything go well for hours; what was begun then comes to its end."""
        self.calm, self.files.fails = True, 0.0
        for number in range(CALM):
            self.clock.pass_by(30)
            if number < LIVELY:
                await self.dice.choice((self._change_mind, self._roll_back, self._look))()
                self.witness.look(self.clock.now())
            for agent in self._members():
                await self.check_in(agent)
                if agent.offer is not None:
                    await self.answer(agent)
            await self._flush()
            if number < CALM - STILL:
                for campaign_id in await self.stores.campaigns.working():
                    await self.aggregate(campaign_id)
            await self._look()
            await self.sweep()
            self.witness.look(self.clock.now())
        self.witness.settled(
            {each.name: (each.consent, each.federation) for each in self._members()}
        )
        for number in self.contents.campaigns:
            await self.campaigns.stop(f"c{number}")
        self.clock.pass_by(7200)
        while await self.sweep():
            pass
        self.witness.look(self.clock.now())
        self.witness.swept()
