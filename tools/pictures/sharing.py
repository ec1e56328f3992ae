"""What a played device does in federation: it answers rounds, and judges the heads they come to.

What it gives are means around one place for each class, of the classes that it knows. It answers
when it comes to it, has too little that may leave at times, or is of another kind and is refused.
A head brings it the more, the more rounds are in it, and now and then it does harm.
"""

from dataclasses import dataclass, field

import numpy as np

from agent.rpc.translate_federation import submissions
from fieldwise.federation import Consent, HeadSpace, Row, RowKind, Update
from fieldwise.federation_messages import space_from
from fieldwise.v1alpha1 import device_pb2, federation_pb2
from tests.orchestrators import Member

JUDGED = 60  # held-out samples that a head is compared on
NEAR = 0.05  # how far from the usual place of a class the means of a device are
COMES_TO_IT = 0.6  # of check-ins at which a round is open


def agrees(number: int) -> bool:
    """Whether the owner of a device does: two of three."""
    return number % 3 != 0


@dataclass(slots=True)
class Sharing:
    """The part of one device whose owner agrees; ``report`` goes into its check-ins."""

    member: Member
    number: int
    report: device_pb2.FederationReport = field(
        default_factory=lambda: device_pb2.FederationReport(consent=federation_pb2.CONSENT_WEIGHTS)
    )
    chance: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.chance = np.random.default_rng([self.number, 1])

    def hear(self, answer: device_pb2.CheckInResponse) -> None:
        """Take up what a check-in was answered with."""
        if answer.HasField("head"):
            self._judge(answer.head)
        offer = answer.round
        known = (self.report.campaign_id, self.report.round) == (offer.campaign_id, offer.round)
        if answer.HasField("round") and not known and self.chance.random() < COMES_TO_IT:
            self._take_part(offer)

    def _take_part(self, offer: device_pb2.RoundOffer) -> None:
        self.report.campaign_id, self.report.round = offer.campaign_id, offer.round
        if (self.number + offer.round) % 9 == 0:
            self.report.step = device_pb2.ROUND_STEP_TOO_FEW
            return
        receipt = self._sent(offer)
        taken = receipt == device_pb2.UPDATE_RECEIPT_TAKEN
        self.report.step = (
            device_pb2.ROUND_STEP_ANSWERED if taken else device_pb2.ROUND_STEP_REFUSED
        )

    def _sent(self, offer: device_pb2.RoundOffer) -> int:
        asked = device_pb2.FetchTaskRequest(campaign_id=offer.campaign_id, round=offer.round)
        with self.member.calling() as stub:
            task = stub.FetchTask(asked, timeout=60)
            ids = [each.id for each in task.classes if (each.id + self.number) % 4]
            pieces = submissions(self._update(task.round, ids))
            return stub.SubmitUpdate(pieces, timeout=60).receipt

    def _update(self, offer: device_pb2.RoundOffer, ids: list[int]) -> Update:
        space = space_from(offer.space)
        kind = RowKind.MEANS if self.number % 25 != 1 else RowKind.WEIGHTS
        rows = tuple(self._row(each, space, kind) for each in ids)
        return Update(offer.campaign_id, offer.round, kind, Consent.WEIGHTS, space, rows)

    def _row(self, number: int, space: HeadSpace, kind: RowKind) -> Row:
        length = space.width + (kind is RowKind.WEIGHTS)
        usual = np.random.default_rng(number).normal(size=length)
        own = usual / np.linalg.norm(usual) + self.chance.normal(0, NEAR, length)
        return Row(number, int(self.chance.integers(12, 80)), own.astype(np.float32))

    def _judge(self, head: federation_pb2.GlobalHead) -> None:
        told = self.report
        if (told.head_campaign_id, told.head_version) == (head.campaign_id, head.version):
            return
        told.head_campaign_id, told.head_version = head.campaign_id, head.version
        told.ClearField("judged")
        if self.number % 13 == 0:
            told.outcome = device_pb2.HEAD_OUTCOME_TOO_FEW
            return
        better = int(self.chance.binomial(JUDGED, 0.03 + 0.02 * min(head.version, 4)))
        worse = int(self.chance.binomial(JUDGED, 0.03))
        told.outcome = _outcome(better - worse)
        right = JUDGED - worse - better
        told.judged.MergeFrom(
            device_pb2.PairedCounts(both_right=right, only_old=worse, only_new=better)
        )


def _outcome(gained: int) -> device_pb2.HeadOutcome:
    if gained < -JUDGED // 20:
        return device_pb2.HEAD_OUTCOME_HARM
    if gained <= 0:
        return device_pb2.HEAD_OUTCOME_NOT_CHOSEN
    return device_pb2.HEAD_OUTCOME_ADOPTED
