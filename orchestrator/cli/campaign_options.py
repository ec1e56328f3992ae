"""The plan of a campaign from options of a command."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from fieldwise.errors import Fault, FieldwiseError
from fieldwise.federation import Consent, RowKind
from fieldwise.strategies import KNOWN
from orchestrator.cli.output import pairs_from, seconds_from
from orchestrator.cli.plan_forms import SHARE
from orchestrator.federation.plan import CampaignPlan
from orchestrator.federation.plan_rules import checked

CLASSES_BYTES_MAX = 2 * 1024**2  # twice what a server takes, so that it is the server who says so

BackboneName = Annotated[
    str, typer.Argument(help="What heads are of: NAME, NAME:VERSION or a digest's first 8 digits.")
]
Classes = Annotated[
    list[str] | None, typer.Option("--class", help="Class that it is about; again for each.")
]
ClassesFile = Annotated[
    Path | None, typer.Option("--classes", help="File with the names of classes, one to a line.")
]
Cohort = Annotated[
    str, typer.Option(help="Selector such as site=berlin,line!=3; all devices without one.")
]
Kind = Annotated[
    RowKind | None,
    typer.Option(help="What leaves devices: means of classes, or weights of a trained head. means"),
]
Level = Annotated[
    Consent | None,
    typer.Option(help="What owners have to agree to: weights, or statistics. weights"),
]
Strategy = Annotated[
    str | None,
    typer.Option(help=f"What makes a head of updates: {', '.join(KNOWN)}. FedAvg"),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", help="NAME=NUMBER for the strategy: beta=0.2; again for each."),
]
Rounds = Annotated[
    int | None, typer.Option(min=1, help="Rounds that are to come to a head. 1", show_default=False)
]
Continuous = Annotated[
    bool, typer.Option("--continuous", help="Round after round until `federation stop`.")
]
Quorum = Annotated[
    int | None, typer.Option(help="Updates without which a round decides nothing. 2")
]
Participants = Annotated[
    int | None, typer.Option(help="Updates that are enough for a round; without: all it can get.")
]
OverSelection = Annotated[
    str | None, typer.Option(help="How many more devices are asked than are enough. 30%")
]
Deadline = Annotated[str | None, typer.Option(help="Time of a round: 1h.")]
Pause = Annotated[str | None, typer.Option(help="Time between two rounds: 5m.")]
OnlyIdle = Annotated[
    bool, typer.Option("--only-idle", help="Devices answer only while they have nothing to learn.")
]
OnlyOnConditions = Annotated[
    bool,
    typer.Option(
        "--only-on-conditions",
        help="Devices answer only where their owners' hooks say so: on mains, on a free network.",
    ),
]
NormMax = Annotated[
    float | None, typer.Option(help="Longer rows are shortened to it; a feature has length 1.")
]
Noise = Annotated[
    float | None, typer.Option(help="Gaussian noise that devices add, as a share of --norm-max.")
]
SamplesMin = Annotated[
    int | None, typer.Option(help="Classes of fewer samples do not leave a device. 10")
]


def plan_from(
    backbone: str,
    cohort: str,
    classes: Sequence[str],
    options: Sequence[str],
    given: dict[str, Any],
) -> CampaignPlan:
    """Put a plan together.

    Args:
        backbone: As it was given.
        cohort: The same.
        classes: Names, in their order.
        options: NAME=NUMBER for the strategy.
        given: The plan's other fields; None for those that were not given.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` with every mistake, one to a line.
    """
    plan = CampaignPlan(
        backbone=backbone,
        cohort=cohort,
        classes=tuple(classes),
        options=numbers_from(options),
        **{name: value for name, value in given.items() if value is not None},
    )
    # Whether the installation allows statistics only the server knows.
    return checked(plan, statistics_allowed=True)


def classes_from(names: Sequence[str] | None, file: Path | None) -> tuple[str, ...]:
    """Return the classes that were named, then those of a file.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` for a file that cannot be read.
    """
    return (*(names or ()), *(_lines(file) if file else ()))


def numbers_from(options: Sequence[str]) -> dict[str, float]:
    """Read NAME=NUMBER arguments.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT``.
    """
    found = {}
    for name, text in pairs_from(options, "option").items():
        try:
            found[name] = float(text)
        except ValueError as error:
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, f"the option {name} is {text[:40]!r}, which is no number"
            ) from error
    return found


def seconds(text: str | None) -> int | None:
    return None if text is None else seconds_from(text)


def share(text: str | None) -> float | None:
    return None if text is None else SHARE.value_of(text)


def rounds_from(rounds: int | None, *, continuous: bool) -> int | None:
    """Return the plan's number of rounds; 0 for as long as it is not stopped.

    Raises:
        FieldwiseError: ``INVALID_ARGUMENT`` where both are given.
    """
    if continuous and rounds is not None:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, "--rounds and --continuous contradict each other"
        )
    return 0 if continuous else rounds


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            content = file.read(CLASSES_BYTES_MAX + 1)
        if len(content) > CLASSES_BYTES_MAX:
            raise FieldwiseError(
                Fault.INVALID_ARGUMENT, f"{path} is larger than {CLASSES_BYTES_MAX:,} bytes"
            )
        lines = content.decode().splitlines()
    except OSError as error:
        raise FieldwiseError(
            Fault.INVALID_ARGUMENT, f"{path} cannot be read: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise FieldwiseError(Fault.INVALID_ARGUMENT, f"{path} is no text in UTF-8") from error
    return [line.strip() for line in lines if line.strip()]
