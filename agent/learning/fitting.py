"""Which of the heads that are wanted fit into the learner's memory."""

import msgspec
import structlog

from agent.learning.holdings import held_bytes
from agent.learning.pair import Pair
from agent.learning.settings import LearningSettings

_log = structlog.get_logger()


def configure_within(pair: Pair, settings: LearningSettings) -> tuple[str, ...]:
    """Let a pair adopt settings, without those of its heads that would pass the bound.

    The last in the list goes first; the first stays in any case, or nothing would predict.

    Returns:
        Heads that are left out.
    """
    enabled = settings.heads.enabled
    kept = len(enabled)
    pair.configure(settings)
    while kept > 1 and held_bytes(pair, [pair.embedder]) > settings.memory_bytes_max:
        kept -= 1
        heads = msgspec.structs.replace(settings.heads, enabled=enabled[:kept])
        pair.configure(msgspec.structs.replace(settings, heads=heads))
    left_out = tuple(str(name) for name in enabled[kept:])
    if left_out:
        _log.warning("heads left out for want of memory", heads=left_out)
    return left_out
