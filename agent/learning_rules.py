"""What of the agent's settings, and of an operator's, learning goes by."""

import msgspec
from msgspec.structs import replace

from agent.config import LEARNING, AgentSettings
from agent.learning.settings import HeadName, LearningSettings
from agent.reporting import Steering


def learning_settings(settings: AgentSettings, steering: Steering) -> LearningSettings:
    """What learning goes by: an operator's word where there is one, else the device's own."""
    own = LearningSettings(
        shrinkage=settings.shrinkage,
        classes_max=settings.classes_max,
        group_samples=settings.commit_samples,
        group_seconds=settings.commit_seconds,
        exemplar_bytes_max=settings.exemplar_bytes_max,
        retention_days=settings.retention_days,
        learning_paused=settings.learning_paused,
        questions_a_day=settings.questions_a_day,
        self_label_confidence=settings.self_label_confidence,
        self_label_share_max=settings.self_label_share_max,
        heads=replace(
            LEARNING.heads,
            enabled=_heads(settings.heads),
            half_life_samples=settings.half_life_samples,
            image_seconds_max=settings.image_seconds_max,
        ),
        gradient=replace(LEARNING.gradient, memory_bytes_max=settings.replay_bytes_max),
        memory_bytes_max=settings.memory_bytes_max,
        disk_bytes_max=settings.disk_bytes_max,
        cpu_share=settings.cpu_share,
        passing_pairs=settings.passing_pairs,
        passing_seconds_max=settings.passing_seconds_max,
        learn_window=settings.learn_window,
        learn_when_idle_seconds=settings.learn_when_idle_seconds,
    )
    steered = {
        name: value for name, value in msgspec.structs.asdict(steering).items() if value is not None
    }
    return replace(own, **steered)


def _heads(names: str) -> tuple[HeadName, ...]:
    return tuple(dict.fromkeys(HeadName(name) for name in names.split(",")))
