"""Who is asked in a round: by chance alone, among those that can answer.

Chance is a seed that the caller draws once for each round; from then on everything is settled. A
device's place in the line is a hash of the seed and its own id, so who else is there changes
nothing for it.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence

from orchestrator.federation.campaign import Campaign, Candidate

SEED_BYTES = 16
SHARE_SLACK = 1e-9  # 10 * 1.1 is a little more than 11


def agrees(campaign: Campaign, candidate: Candidate) -> bool:
    """Tell whether a device's owner agrees to what a campaign asks for."""
    return candidate.consent is not None and candidate.consent.covers(campaign.plan.level)


def can_answer(campaign: Campaign, candidate: Candidate) -> bool:
    """Tell whether a device is worth asking now."""
    on_bundle = candidate.bundle_in_use == campaign.space.bundle
    return agrees(campaign, candidate) and on_bundle and not candidate.is_offline


def asked_of(campaign: Campaign, cohort: Iterable[Candidate], seed: bytes) -> Sequence[str]:
    """Return the devices that the next round asks; none where its quorum cannot be met.

    Args:
        campaign: About to open a round.
        cohort: Its members.
        seed: ``SEED_BYTES`` of chance.
    """
    plan = campaign.plan
    able = [each.device for each in cohort if can_answer(campaign, each)]
    if len(able) < plan.quorum:
        return ()
    wanted = math.ceil(plan.participants * (1 + plan.over_selection) - SHARE_SLACK)
    line = sorted(able, key=lambda device: hashlib.sha256(seed + device.encode()).digest())
    return line[:wanted] if wanted else line
