"""All heads of a pair by name: what each view keeps, put together, and which of them serves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent.federation.standing import Mix
from agent.learning.blending import CLOSED, Blend, Blending, Mixing, Others, still
from agent.learning.heads.average import Average, Member
from agent.learning.heads.discriminant import Cadence
from agent.learning.heads.gradient import GradientKeeper
from agent.learning.heads.head import Head, predict
from agent.learning.heads.keeper import Keeper, KeepsHead
from agent.learning.heads.lane import Lane
from agent.learning.heads.solving import unit_of
from agent.learning.settings import HeadName, LearningSettings
from agent.learning.trained_rows import MixedRows, TrainedRows
from agent.learning.tuning import Tuning
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.head import Statistics


@dataclass(frozen=True, slots=True)
class Part:
    """A view, its columns in a row, and what was learned of it."""

    view: str
    columns: slice
    statistics: Statistics


class Roster:
    """Every enabled head, kept in step.

    Args:
        parts: The views, in the order of their columns.
        views: Those that predictions are made from.
        settings: Which heads, and how they are solved.
        tuning: What held-out samples decided.
        blending: A global head that is mixed in where a head serves; None for none.

    Attributes:
        lanes: One for each view.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        views: Sequence[str],
        settings: LearningSettings,
        tuning: Tuning,
        blending: Blending | None = None,
    ) -> None:
        self._settings = settings
        self._blending = blending
        self._blend: Blend | None = None
        self._width = parts[-1].columns.stop
        heads = settings.heads
        wanted = frozenset({*heads.enabled, *tuning.members})
        shrinkage, cadence = _solving(settings, tuning)
        self.lanes = tuple(
            Lane(
                each.view,
                each.columns,
                each.statistics,
                wanted,
                shrinkage,
                cadence,
                heads.half_life_samples,
            )
            for each in parts
        )
        self._heads: dict[str, Keeper] = {}
        self._put_together(views, tuning)

    @property
    def keepers(self) -> dict[str, Keeper]:
        """The enabled heads by name, the first one serving by default."""
        return dict(self._heads)

    @property
    def trouble(self) -> str:
        """One sentence if the last training by gradient diverged, else empty."""
        gradient = self._heads.get(HeadName.GRADIENT)
        return gradient.trouble if isinstance(gradient, GradientKeeper) else ""

    def configure(self, views: Sequence[str], settings: LearningSettings, tuning: Tuning) -> None:
        """Go on under other settings or another tuning, with the same heads enabled."""
        self._settings = settings
        for lane in self.lanes:
            lane.configure(*_solving(settings, tuning), settings.heads.half_life_samples)
        self._put_together(views, tuning)

    def blend(self, blending: Blending | None, views: Sequence[str], tuning: Tuning) -> None:
        """Mix a global head in from now on, or none any more.

        Raises:
            numpy.linalg.LinAlgError: For one that no samples have; nothing is changed then.
        """
        before, self._blending = self._blending, blending
        try:
            self._blend = self._blended(views, tuning)
        except np.linalg.LinAlgError:
            self._blending = before
            raise

    def answers(self, row: NDArray[np.int16]) -> dict[str, str]:
        """The class that each head names for a feature int16[D]; "" while it knows none."""
        return {name: predict(keeper.head, row[None])[0] for name, keeper in self._heads.items()}

    def learn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Learn rows int16[N,D] and bring every head along at its cadence."""
        for lane in self.lanes:
            lane.learn(grid, class_names)
        for keeper in self._heads.values():
            keeper.learn(grid, class_names)
        if self._blend is not None:
            self._blend.learn(grid, class_names)

    def absorb(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Learn rows without bringing heads along; ``settle`` does it at the end."""
        for lane in self.lanes:
            lane.absorb(grid, class_names)
        gradient = self._heads.get(HeadName.GRADIENT)
        if gradient is not None:
            gradient.learn(grid, class_names)

    def introduce(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Let the head that learns by gradient alone learn rows that the others know already."""
        self._heads[HeadName.GRADIENT].learn(grid, class_names)

    def unlearn(self, grid: NDArray[np.int16], class_names: Sequence[str]) -> None:
        """Take rows back, from every head."""
        for lane in self.lanes:
            lane.unlearn(grid, class_names)
        for keeper in self._heads.values():
            keeper.unlearn(grid, class_names)
        self._settle_blend()

    def forget_class(self, name: str) -> int:
        """Forget a class in every head; returns how many samples leave their scatter behind."""
        orphans = [lane.forget_class(name) for lane in self.lanes]
        for keeper in self._heads.values():
            keeper.drop_class(name)
        self._settle_blend()
        return orphans[0]

    def fade(self, name: str, samples: int) -> None:
        """Let the heads that sums decide know so many samples of a class less."""
        for lane in self.lanes:
            lane.fade(name, samples)
        self._settle_blend()

    def settle(self) -> None:
        """Make every head exactly that of what was learned."""
        for lane in self.lanes:
            lane.settle()
        for keeper in self._heads.values():
            keeper.settle()
        self._settle_blend()

    def contents(self) -> dict[str, bytes]:
        """What heads keep beside the statistics, by ``view/head`` or the head's name."""
        return {name: content for name, keeper in self._stateful() if (content := keeper.content())}

    def restore(self, contents: dict[str, bytes]) -> None:
        """Go on from ``contents``; of heads that are no longer enabled it is left out.

        Raises:
            FieldwiseError: ``STATE_DAMAGED``.
        """
        for name, keeper in self._stateful():
            if name in contents:
                keeper.restore(contents[name])
        for keeper in self._heads.values():
            if isinstance(keeper, Average):
                keeper.settle()

    def keeper(self, name: str) -> Keeper:
        """One head's keeper.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        found = self._heads.get(name)
        if found is None:
            raise FieldwiseError(Fault.NOT_FOUND, f"no head is called {name}")
        return found

    def serving(self, name: str) -> KeepsHead:
        """Who keeps a head as it serves: with a global one mixed in, where there is one.

        Raises:
            FieldwiseError: ``NOT_FOUND``.
        """
        own, blending = self.keeper(name), self._blending
        if blending is None or not blending.covers(name):
            return own
        if isinstance(blending.others, TrainedRows):
            return MixedRows(own, blending.others, blending.mix)
        return own if self._blend is None else self._blend.heads.get(name, own)

    def mixing(self, others: Others, name: str, views: Sequence[str], tuning: Tuning) -> Mixing:
        """Solves a head under any mix with others', from what is learned by now.

        Nothing that serves or learns is changed, and of a mix nothing stays but the head.
        """
        lanes = [still(lane) for lane in self.lanes]
        of = {name: tuning.members if name == HeadName.AVERAGE else (name,)}
        shrinkage, _ = _solving(self._settings, tuning)

        def solved(mix: Mix) -> Head:
            blend = Blend(others, mix, lanes, of, views, shrinkage, tuning.temperatures)
            return blend.heads[name].head

        return solved

    def _settle_blend(self) -> None:
        if self._blend is not None:
            self._blend.settle()

    def _blended(self, views: Sequence[str], tuning: Tuning) -> Blend | None:
        blending = self._blending
        if blending is None or isinstance(blending.others, TrainedRows):
            return None
        heads: dict[str, tuple[str, ...]] = {
            name: tuning.members if name is HeadName.AVERAGE else (name.value,)
            for name in self._settings.heads.enabled
            if name in CLOSED
        }
        shrinkage, _ = _solving(self._settings, tuning)
        temperatures = tuning.temperatures
        return Blend(
            blending.others, blending.mix, self.lanes, heads, views, shrinkage, temperatures
        )

    def _stateful(self) -> list[tuple[str, Keeper]]:
        lanes = [
            (f"{lane.name}/{name}", keeper)
            for lane in self.lanes
            for name, keeper in lane.keepers.items()
        ]
        return [*lanes, *self._heads.items()]

    def _put_together(self, views: Sequence[str], tuning: Tuning) -> None:
        lanes = [lane for lane in self.lanes if lane.name in views]
        gradient = self._heads.get(HeadName.GRADIENT)
        self._heads = {}
        for name in self._settings.heads.enabled:
            if name is HeadName.GRADIENT:
                self._heads[name] = self._gradient(gradient)
                continue
            of = tuning.members if name is HeadName.AVERAGE else (name,)
            members = [
                Member(f"{lane.name}/{each}", lane.linear[each], lane.columns)
                for lane in lanes
                for each in of
            ]
            self._heads[name] = Average(name, members, self._width, tuning.temperatures)
        self._blend = self._blended(views, tuning)

    def _gradient(self, old: Keeper | None) -> GradientKeeper:
        settings = self._settings.gradient
        if isinstance(old, GradientKeeper) and old.settings == settings:
            return old
        changed = GradientKeeper(self._width, unit_of(self.lanes[0].accumulator), settings)
        if old is not None:
            changed.restore(old.content())
        return changed


def _solving(settings: LearningSettings, tuning: Tuning) -> tuple[float, Cadence]:
    cadence = Cadence(settings.solve_growth, settings.solve_samples_min)
    return settings.shrinkage * tuning.shrinkage_factor, cadence
