"""What a plan would do, without doing it: who would be in which wave, and what that could show.

A preview has the number that the rollout would get, because the waves are drawn by it. Where
another rollout is started in between, the number is another one and so are the waves; their sizes
stay. What a wave can show is reckoned from the held-out samples that its devices report today.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.fleet.cohort import parse_selector
from orchestrator.fleet.device import Standing
from orchestrator.paging import Page, PageRequest, page_of
from orchestrator.ports import BackboneStore, Clock, RolloutStore
from orchestrator.rollout.backbone import parse_reference, refuse_recalled
from orchestrator.rollout.gate import detectable_loss
from orchestrator.rollout.operations import fresh_rollout, rollout_number
from orchestrator.rollout.places import Exclusion
from orchestrator.rollout.placing import exclusion_of, variant_of
from orchestrator.rollout.plan import Plan
from orchestrator.rollout.rollout import Kind, Rollout
from orchestrator.rollout.waves import fraction_of, thresholds_of, wave_of
from orchestrator.rollout_views import PreviewedDevice, PreviewView, WavePreview
from orchestrator.trust.keeping import Keeping


class Previews:
    """The use cases over plans that are not started.

    Args:
        rollouts: Where the cohort is looked up, and the number.
        backbones: What can be rolled out.
        clock: What time it is.
        keeping: What knows the signed list; without it nothing is asked of one.
    """

    def __init__(
        self,
        rollouts: RolloutStore,
        backbones: BackboneStore,
        clock: Clock,
        keeping: Keeping | None = None,
    ) -> None:
        self._rollouts = rollouts
        self._backbones = backbones
        self._clock = clock
        self._keeping = keeping

    async def preview(self, plan: Plan) -> PreviewView:
        """Return what a plan without mistakes would do.

        Raises:
            FieldwiseError: As a start of it would.
        """
        newest = (await self._rollouts.list(PageRequest(size=1))).items
        rollout = await self._imagined(plan, newest[0].number + 1 if newest else 1)
        drawn = await self._drawn(rollout)
        excluded = Counter(each.exclusion for each in drawn if each.exclusion is not None)
        return PreviewView(
            rollout.id,
            rollout.digest,
            rollout.title,
            tuple(_wave(plan, drawn, wave) for wave in range(1, len(plan.waves) + 1)),
            {each: excluded[each] for each in Exclusion if excluded[each]},
        )

    async def devices(
        self, plan: Plan, rollout_id: str, page: PageRequest
    ) -> Page[PreviewedDevice]:
        """Return the devices of a preview by id, with their waves in a rollout of that id.

        Raises:
            FieldwiseError: As ``preview``, and ``NOT_FOUND`` for what is no rollout's id.
        """
        rollout = await self._imagined(plan, rollout_number(rollout_id))
        after = page.after or ""
        rest = [each for each in await self._drawn(rollout) if each.id > after]
        return page_of(rest[: page.limit + 1], page, lambda each: each.id)

    async def _imagined(self, plan: Plan, number: int) -> Rollout:
        selector = parse_selector(plan.cohort)
        found = await self._backbones.find(parse_reference(plan.backbone))
        refuse_recalled(found)
        if self._keeping is not None:
            await self._keeping.check(found)
        meant = replace(plan, cohort=str(selector))
        return replace(fresh_rollout(found, meant, Kind.FORWARD, self._clock.now()), number=number)

    async def _drawn(self, rollout: Rollout) -> Sequence[PreviewedDevice]:
        cohort = sorted(await self._rollouts.cohort(rollout), key=lambda each: each.device)
        able = [each for each in cohort if exclusion_of(rollout, each) is None]
        fractions = [fraction_of(each.device, rollout.number) for each in able]
        cut = replace(rollout, thresholds=thresholds_of(rollout.plan.waves, fractions))
        return [_previewed(cut, each) for each in cohort]


def _previewed(rollout: Rollout, standing: Standing) -> PreviewedDevice:
    exclusion = exclusion_of(rollout, standing)
    wave = wave_of(rollout.thresholds, fraction_of(standing.device, rollout.number)) + 1
    return PreviewedDevice(
        standing.device,
        0 if exclusion is not None else wave,
        exclusion,
        variant_of(rollout, standing),
        standing.judge_samples,
    )


def _wave(plan: Plan, drawn: Sequence[PreviewedDevice], wave: int) -> WavePreview:
    own = [each for each in drawn if each.wave == wave]
    behind = [each.judge_samples for each in drawn if 1 <= each.wave <= wave]
    return WavePreview(
        len(own),
        sum(each.judge_samples > 0 for each in own),
        detectable_loss(plan.gate, behind),
    )
