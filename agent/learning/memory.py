"""Which images are kept when there is no room for all.

The images rebuild the head when the backbone changes, so what matters is that every class keeps
some. One goes at a time, always of the class that holds most bytes, chosen by chance within it.
That favours the recent gently, as suits a world that drifts: where a class has room for m images,
one survives a newer ones with chance ``(1 - 1/m)**a``. Learned and held-out images have budgets of
their own, or the rarer held-out ones would be pushed out first. Budgets are never exceeded, not by
a byte, and an image larger than its budget is not kept at all.
"""

from collections import defaultdict
from collections.abc import Iterable
from random import Random

from agent.learning.samples import Remembered, Sample, Share
from agent.learning.settings import LearningSettings

SECONDS_A_DAY = 86_400.0


class Memory:
    """An index of remembered images under two byte budgets; it holds no image itself.

    Args:
        held: What is remembered at the start.
        learn_bytes_max: Budget of learned samples' images.
        holdout_bytes_max: Budget of held-out samples' images, both shares together.
    """

    def __init__(
        self, held: Iterable[Remembered], learn_bytes_max: int, holdout_bytes_max: int
    ) -> None:
        self._learned = _Shelf(learn_bytes_max)
        self._held_out = _Shelf(holdout_bytes_max)
        for image in held:
            self._shelf(image.share).put(image)

    @property
    def count(self) -> int:
        """Images held."""
        return self._learned.count + self._held_out.count

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._learned.size + self._held_out.size

    def count_of(self, share: Share) -> int:
        """Images held of one share."""
        return sum(1 for image in self._shelf(share).images() if image.share is share)

    def offer(self, image: Remembered, random: Random) -> tuple[bool, list[Remembered]]:
        """Keep an image if there is room or room can be made.

        Returns:
            Whether it is kept, and what has to go.
        """
        shelf = self._shelf(image.share)
        if image.size > shelf.bytes_max:
            return False, []
        shelf.put(image)
        gone = shelf.shrink(random)
        return image not in gone, [each for each in gone if each != image]

    def remove(self, sample_id: str) -> None:
        """Take an image out that goes for another reason than room; unknown ones are ignored."""
        for shelf in (self._learned, self._held_out):
            shelf.remove(sample_id)

    def resize(
        self, learn_bytes_max: int, holdout_bytes_max: int, random: Random
    ) -> list[Remembered]:
        """Set new budgets; returns what has to go."""
        self._learned.bytes_max = learn_bytes_max
        self._held_out.bytes_max = holdout_bytes_max
        return self._learned.shrink(random) + self._held_out.shrink(random)

    def expire(self, now: float, retention_days: int) -> list[Remembered]:
        """Drop images older than the retention; 0 days keep all. Images of the future stay."""
        if not retention_days:
            return []
        return [
            image
            for shelf in (self._learned, self._held_out)
            for image in shelf.drop_before(now - retention_days * SECONDS_A_DAY)
        ]

    def _shelf(self, share: Share) -> "_Shelf":
        return self._learned if share is Share.LEARN else self._held_out


def budgets(settings: LearningSettings) -> tuple[int, int]:
    """Bytes for images of learned and of held-out samples."""
    held_out = int(settings.exemplar_bytes_max * settings.holdout_bytes_share)
    return settings.exemplar_bytes_max - held_out, held_out


def remembered(sample: Sample) -> Remembered:
    """The entry of a sample in the index."""
    size = len(sample.image or b"")
    return Remembered(
        sample.id, sample.sequence, sample.time, sample.class_name, sample.share, size
    )


class _Shelf:
    """Images by class, and their bytes."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.size = 0
        self.count = 0
        self._of: dict[str, list[Remembered]] = defaultdict(list)
        self._bytes: dict[str, int] = defaultdict(int)

    def images(self) -> Iterable[Remembered]:
        return (image for images in self._of.values() for image in images)

    def put(self, image: Remembered) -> None:
        self._of[image.class_name].append(image)
        self._bytes[image.class_name] += image.size
        self.size += image.size
        self.count += 1

    def shrink(self, random: Random) -> list[Remembered]:
        gone = []
        while self.size > self.bytes_max:
            fullest = max(self._of, key=lambda name: (self._bytes[name], name))
            gone.append(self._take(fullest, random.randrange(len(self._of[fullest]))))
        return gone

    def remove(self, sample_id: str) -> None:
        for name, images in self._of.items():
            for place, image in enumerate(images):
                if image.id == sample_id:
                    self._take(name, place)
                    return

    def drop_before(self, time: float) -> list[Remembered]:
        gone = []
        for name in sorted(self._of):
            old = [place for place, image in enumerate(self._of[name]) if image.time < time]
            gone += [self._take(name, place) for place in reversed(old)]
        return gone

    def _take(self, name: str, place: int) -> Remembered:
        image = self._of[name].pop(place)
        self._bytes[name] -= image.size
        self.size -= image.size
        self.count -= 1
        if not self._of[name]:
            del self._of[name], self._bytes[name]
        return image
