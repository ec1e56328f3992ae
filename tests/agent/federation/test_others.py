"""Covariances are read a strip at a time, and are those of the whole file."""

import numpy as np
import pytest
from numpy.typing import NDArray

from agent.federation.others import HEAD_BYTES_MAX, read_others
from agent.learning.blending import Others, Within
from fieldwise.bundle import digest_of
from fieldwise.federation import Consent, HeadOffer, HeadSpace, RowKind
from fieldwise.global_head import GlobalHead, encode, means_of
from fieldwise.symmetric import STRIP_ROWS, SymmetricSum

WIDTHS = (STRIP_ROWS + 9, 3)
SPACE = HeadSpace("b" * 64, "c" * 64, WIDTHS)
VIEWS = (slice(0, WIDTHS[0]), slice(WIDTHS[0], sum(WIDTHS)))


def read(head: GlobalHead) -> Others:
    content = encode(head)
    offer = HeadOffer(head.campaign, 1, digest_of(content), HEAD_BYTES_MAX, SPACE)
    found = read_others(content, offer, None, lambda: content)
    assert isinstance(found, Others)
    return found


def whole(width: int, within: Within) -> NDArray[np.float64]:
    found = SymmetricSum(np.zeros((width, width)))
    for rows, strip in found.strips:
        strip[:] = within.strip(rows)
        block = strip[:, : len(strip)]
        assert np.array_equal(block, block.T)
    return found.square()


@pytest.mark.parametrize("place", [0, 1])
def test_exact_statistics_give_the_covariance_about_their_means(place: int) -> None:
    dice = np.random.default_rng(1)
    grid = dice.integers(-90, 91, (40, sum(WIDTHS))).astype(np.float64)
    counts, sums = np.array([25, 15]), np.array([grid[:25].sum(axis=0), grid[25:].sum(axis=0)])
    triangles = [grid[:, view].T @ grid[:, view] for view in VIEWS]
    scatter = tuple(each[np.triu_indices(len(each))] for each in triangles)
    rows = means_of(counts, sums)
    head = GlobalHead(
        "c1",
        RowKind.MEANS,
        Consent.STATISTICS,
        SPACE,
        (1, 2),
        ("a", "b"),
        counts,
        rows,
        (),
        sums,
        scatter,
    )
    within = read(head).within(place)
    assert within is not None
    about = grid - np.repeat(sums / counts[:, None], counts, axis=0)
    wanted = about[:, VIEWS[place]].T @ about[:, VIEWS[place]] / 40
    assert within.samples == 40
    assert np.allclose(whole(WIDTHS[place], within), wanted, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("length", [1, WIDTHS[1]])
def test_factors_give_their_square(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.federation.others.FACTOR_ROWS", 2)
    dice = np.random.default_rng(2)
    factors = tuple(dice.normal(0, 9, (length, width)).astype(np.float32) for width in WIDTHS)
    rows = dice.normal(0, 9, (2, sum(WIDTHS))).astype(np.float32)
    counts = np.array([25, 15])
    head = GlobalHead(
        "c1", RowKind.MEANS, Consent.WEIGHTS, SPACE, (1, 2), ("a", "b"), counts, rows, factors
    )
    others = read(head)
    for place, factor in enumerate(factors):
        within = others.within(place)
        assert within is not None
        exact = factor.astype(np.float64)
        assert within.samples == length
        assert np.allclose(whole(WIDTHS[place], within), exact.T @ exact, rtol=1e-12)
