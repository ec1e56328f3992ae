"""A target: something that reads bytes from outside, what is right for it, how it may refuse."""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fieldwise.errors import FieldwiseError
from tests.fuzz.choices import Choices
from tests.fuzz.spoiling import patched, spoiled_header, spoiled_json

SECONDS_MAX = 3.0  # of the processor for one input; the longest that is right takes a tenth of it

Spoil = Callable[[bytes, Choices], bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """What is fuzzed.

    Args:
        name: As in the corpus.
        read: Reads bytes; refuses with an error of the catalogue and with nothing else.
        seeds: Makes what is right, at least one.
        modules: Which modules of ours it stands for.
        spoils: Ways to spoil a seed, beside patching its bytes.
        plain: Whether the fuzzer's bytes are read as they are, with no seed and no way.
    """

    name: str
    read: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]] = lambda: (b"",)
    modules: tuple[str, ...] = ()
    spoils: tuple[Spoil, ...] = ()
    plain: bool = False
    _made: list[bytes] = field(default_factory=list)

    def input_of(self, content: bytes) -> bytes:
        """What is read where the fuzzer gives these bytes: they say of which seed, spoiled how."""
        if self.plain or not content:
            return content
        if not self._made:
            self._made.extend(self.seeds())
        way, choices = content[0] % (2 + len(self.spoils)), Choices(content[1:])
        if way == 0:
            return content[1:]
        seed = choices.one_of(self._made)
        return ((patched, *self.spoils)[way - 1])(seed, choices)

    def run(self, content: bytes) -> None:
        """Read what bytes make.

        Raises:
            Exception: A finding: anything but a refusal of the catalogue, or too slow.
        """
        given = self.input_of(content)
        begun = time.process_time()
        try:
            self.read(given)
        except FieldwiseError as error:
            str(error.entry)
        took = time.process_time() - begun
        if took > SECONDS_MAX:
            gc.collect()
            raise TooSlowError(f"{took:.1f} s for {len(given):,} bytes")


class TooSlowError(Exception):
    """An input took longer than it may."""


JSON: tuple[Spoil, ...] = (spoiled_json,)
TENSORS: tuple[Spoil, ...] = (spoiled_header,)
