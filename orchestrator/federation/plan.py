"""How a federated effort is to go: the plan that an operator writes, and nothing that happened.

A plan names a backbone, a cohort and the classes that it is about. Everything else has a default,
and the default is the careful choice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fieldwise.federation import SAMPLES_MIN, Consent, RowKind


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """See the module. Durations are seconds.

    Attributes:
        backbone: What heads are of, as ``parse_reference`` reads it.
        classes: Names; the id of a class is its place, from 1 on.
        cohort: Selector of the devices that may be asked, where their owners agree.
        kind: Of the rows.
        level: What owners have to agree to: ``WEIGHTS`` or ``STATISTICS``.
        strategy: What makes a head of updates, as Flower spells it. At ``STATISTICS`` updates are
            merged exactly, which is what ``FedAvg`` with counts for weights comes to.
        options: Arguments of the strategy by name.
        rounds: Rounds that are to come to a version; 0 for as long as it is not stopped.
        quorum: Updates without which a round decides nothing.
        participants: Updates with which a round is closed before its deadline; 0 for those of every
            device that can be asked.
        over_selection: How many more than the participants are asked, as a share of them.
        deadline_seconds: From opening a round until it is decided.
        pause_seconds: From the end of a round until the next may be opened.
        only_idle: Devices answer only while nothing else is to be done.
        only_on_conditions: Devices answer only while their owners' hooks say that conditions are
            met: mains, a network that costs nothing.
        norm_max: Rows that are longer are shortened to it; 0 for no bound.
        noise: Standard deviation of noise, of ``norm_max``.
        samples_min: Classes with fewer samples, or a smaller change, do not leave a device.
    """

    backbone: str
    classes: tuple[str, ...]
    cohort: str = ""
    kind: RowKind = RowKind.MEANS
    level: Consent = Consent.WEIGHTS
    strategy: str = "FedAvg"
    options: Mapping[str, float] = field(default_factory=dict)
    rounds: int = 1  # of means, one round says all that devices know now
    quorum: int = 2  # a head of one device's rows would be that device's
    participants: int = 0
    over_selection: float = 0.3  # devices are out of reach as often as that on a bad day
    deadline_seconds: int = 3600  # sixty check-ins at the usual pace
    pause_seconds: int = 300
    only_idle: bool = False
    only_on_conditions: bool = False
    norm_max: float = 0.0
    noise: float = 0.0
    samples_min: int = SAMPLES_MIN
