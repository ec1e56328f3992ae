"""Which samples are set aside, decided at arrival, by scene.

Images of one scene resemble each other; were some learned and others held out, accuracy would look
tens of points too good. So a *burst* is held out as a whole. A caller may name it. Otherwise images
of one class that follow each other within ``burst_gap_seconds`` are one, up to
``burst_samples_max``. Each class has its own newest burst, so two classes taught in turn do not cut
each other's. The distance in time is taken without its sign: a clock that jumps, back or forth,
merely starts a new burst.

The share of a burst is a keyed hash of its name: no state, the same after a restart, and nobody
without the device's secret can choose names that land in a share. The first unnamed samples of a
class are learned whatever the hash says, or a rare class might never be learned; a burst that began
so is learned to its end. A named burst always follows its hash, because the same name must give
the same share in every class and at every time.

Held out are only labels that came about independently of any head. People correct what a head got
wrong, are asked where it is in doubt, and what it labels itself it is sure of: accuracy on any of
these would say how it does on samples that it chose. Such a label therefore begins a scene that is
learned, also with what is taught right after it. Where it belongs to a scene that stands already,
by name or by time, it shares the fate of that scene if that is to be learned; if the scene is held
out the label is put to no use: held out it would bend what the share says and learned it would give
away the scene.
"""

import hashlib
import hmac
from dataclasses import dataclass

from agent.learning.samples import Burst, Origin, Share
from agent.learning.settings import HoldoutSettings

HASH_BYTES = 8  # 64 bits of the digest are a fraction finer than any share


@dataclass(frozen=True, slots=True)
class Placement:
    """The burst a sample belongs to, that sample included, and its share; None for no use."""

    burst: Burst
    share: Share | None


def place(
    sample_id: str,
    class_name: str,
    time: float,
    name: str,
    newest: Burst | None,
    learned: int,
    key: bytes,
    settings: HoldoutSettings,
    *,
    origin: Origin = Origin.TAUGHT,
) -> Placement:
    """Decide burst and share of a sample.

    Args:
        sample_id: Names a new burst that it begins.
        class_name: The sample's class.
        time: When it was taught, Unix seconds.
        name: The caller's name for the scene; empty for none.
        newest: The class's newest burst, if any.
        learned: Samples of the class learned so far.
        key: The device's secret.
        settings: Shares and what counts as one scene.
        origin: How its label came about.
    """
    depends = origin is not Origin.TAUGHT
    if name:
        burst = Burst(class_name, f"named:{name}", time, 1)
    elif newest is not None and _continues(newest, time, settings):
        burst = Burst(class_name, newest.id, time, newest.samples + 1)
    else:
        first = "first" if learned < settings.learned_first else "scene"
        mark = "corrected" if depends else first
        burst = Burst(class_name, f"{mark}:{sample_id}", time, 1)
    share = share_of(burst.id, key, settings)
    return Placement(burst, None if depends and share is not Share.LEARN else share)


def share_of(burst: str, key: bytes, settings: HoldoutSettings) -> Share:
    """The share of a burst: by its kind, else by a keyed hash of its id."""
    if burst.startswith(("first:", "corrected:")):
        return Share.LEARN
    digest = hmac.digest(key, burst.encode(), hashlib.sha256)[:HASH_BYTES]
    fraction = int.from_bytes(digest, "big") / 2 ** (8 * HASH_BYTES)
    if fraction < settings.select_share:
        return Share.SELECT
    if fraction < settings.select_share + settings.judge_share:
        return Share.JUDGE
    return Share.LEARN


def _continues(newest: Burst, time: float, settings: HoldoutSettings) -> bool:
    return (
        not newest.id.startswith("named:")
        and abs(time - newest.time) <= settings.burst_gap_seconds
        and newest.samples < settings.burst_samples_max
    )
