"""The newest verdict in words: what two pairs did on the same samples, and what follows from it."""

from collections.abc import Mapping
from types import MappingProxyType

from fieldwise.answers import UpdateStatus
from fieldwise.sign_test import chance_of
from fieldwise.update import UpdateFailure, UpdatePhase
from fieldwise.verdict import Basis, Judgement, PairedCounts, Verdict

TITLE = "The newest backbone beside the one before"

REASONS: Mapping[str, str] = MappingProxyType(
    {
        UpdateFailure.HARM: "harm is shown",
        UpdateFailure.HARM_CRITICAL: "harm to critical classes is shown",
        UpdateFailure.TOO_SLOW: "it is too slow",
        UpdateFailure.PROBATION_ERRORS: "its predictions failed",
        UpdateFailure.PROBATION_LATENCY: "its predictions took too long",
        UpdateFailure.PROBATION_ACCURACY: "it knew less of what came in",
        UpdateFailure.CRASHED: "the agent came to an end with it too often",
        UpdateFailure.OWNER: "the owner took it back",
    }
)
SHOWN = frozenset({UpdateFailure.HARM, UpdateFailure.HARM_CRITICAL, UpdateFailure.TOO_SLOW})
BASES: Mapping[Basis, str] = MappingProxyType(
    {
        Basis.NONE: "there was nothing to compare it with",
        Basis.LABELLED: "no harm is shown",
        Basis.TOO_FEW: "too few scenes are held out to show harm",
        Basis.UNLABELLED: "nothing is held out, so harm could not be shown",
    }
)


def verdict_sentences(verdict: Verdict, update: UpdateStatus) -> list[str]:
    """A verdict as people read it, the conclusion first.

    Args:
        verdict: The newest.
        update: Where the update stands; says why, where it is about the same target.
    """
    said = [_conclusion(verdict, update)]
    if verdict.overall.samples:
        said.append(f"On held-out samples: {_counts(verdict.overall)}.")
    if verdict.critical is not None:
        counts = verdict.critical
        found = _counts(counts) if counts.samples else "nothing is held out of them"
        said.append(f"On critical classes: {found}.")
    if verdict.new_p50_micros:
        said.append(_times(verdict))
    if verdict.compared:
        said.append(_opinions(verdict))
    return said


def _conclusion(verdict: Verdict, update: UpdateStatus) -> str:
    reason = BASES[verdict.basis]
    if verdict.judgement is Judgement.DECLINED:
        same = verdict.generation in (0, update.generation)  # 0: the owner installed it
        if same and update.phase == UpdatePhase.DECLINED and update.failure in SHOWN:
            return f"Declined: {REASONS[update.failure]}."
        return "Declined."  # something else has happened since
    if verdict.judgement is Judgement.HELD:
        return f"Held until the owner confirms it: {reason}."
    if update.phase == UpdatePhase.REVERTED and update.failure in REASONS:
        return f"Accepted, as {reason}; taken back since: {REASONS[update.failure]}."
    return f"Accepted: {reason}."


def _counts(counts: PairedCounts) -> str:
    chance = chance_of(counts.scenes_worse, counts.scenes_better)
    return (
        f"the new backbone was right on {counts.only_new:,} where the old was not, wrong on"
        f" {counts.only_old:,} where the old was right; of {counts.scenes:,} scenes it did worse on"
        f" {counts.scenes_worse:,} and better on {counts.scenes_better:,} (p={chance:.2g});"
        f" both were right on {counts.both_right:,}, neither on {counts.both_wrong:,}"
    )


def _times(verdict: Verdict) -> str:
    return (
        f"A prediction took {_milliseconds(verdict.new_p50_micros)} with the new backbone,"
        f" {_milliseconds(verdict.old_p50_micros)} with the old (99th percentile"
        f" {_milliseconds(verdict.new_p99_micros)} and {_milliseconds(verdict.old_p99_micros)})."
    )


def _opinions(verdict: Verdict) -> str:
    return (
        f"On {verdict.compared:,} recent images they agreed on {verdict.agreed:,}; the new one was"
        f" {verdict.new_confidence_permille / 10:.0f} % sure, the old one"
        f" {verdict.old_confidence_permille / 10:.0f} %; {verdict.new_novel:,} were new to the new"
        f" one, {verdict.old_novel:,} to the old."
    )


def _milliseconds(micros: int) -> str:
    return f"{micros / 1000:,.1f} ms"
