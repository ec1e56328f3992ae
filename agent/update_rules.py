"""What of the agent's settings a new pair is judged and watched by."""

from agent.config import AgentSettings, TooFew
from agent.learning.names import stored_class_name
from agent.update.judging import JudgingRules
from agent.update.probation import ProbationRules


def judging_rules(settings: AgentSettings) -> JudgingRules:
    """What a new pair is judged by."""
    return JudgingRules(
        alpha=settings.judging_alpha,
        loss_min=settings.judging_loss_min,
        critical_classes=frozenset(map(stored_class_name, settings.critical_classes)),
        latency_ratio_max=settings.latency_ratio_max,
        latency_floor_seconds=settings.latency_floor_seconds,
        hold_too_few=settings.too_few_samples is TooFew.HOLD,
    )


def probation_rules(settings: AgentSettings) -> ProbationRules:
    """What a new pair has to stand once it serves."""
    return ProbationRules(
        predictions=settings.probation_predictions,
        seconds=60 * settings.probation_minutes,
        alpha=settings.judging_alpha,
        loss_min=settings.judging_loss_min,
        latency_ratio_max=settings.latency_ratio_max,
        latency_floor_seconds=settings.latency_floor_seconds,
    )
