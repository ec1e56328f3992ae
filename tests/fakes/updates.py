"""Campaigns, devices' updates and what hostile ones make of them."""

from collections.abc import Mapping

import numpy as np

from aggregator.work import Campaign
from fieldwise.federation import Consent, HeadSpace, Row, RowKind, Update

SPACE = HeadSpace("a" * 64, "b" * 64, (6, 4))
CLASSES = {1: "apple", 2: "pear", 3: "plum", 4: "quince"}
UNIT = 4096


def campaign(**changes: object) -> Campaign:
    plan: dict[str, object] = {
        "id": "c7",
        "runs": True,
        "kind": RowKind.MEANS,
        "level": Consent.WEIGHTS,
        "strategy": "FedAvg",
        "options": {},
        "norm_max": 0.0,
        "noise": 0.0,
        "classes": CLASSES,
        "space": SPACE,
    }
    return Campaign(**(plan | changes))


def means(
    rows: Mapping[int, tuple[int, np.ndarray | float]], *, round_number: int = 1, **changes: object
) -> Update:
    """An update at ``weights``: for each class how many samples and its mean."""
    made = tuple(
        Row(each, count, np.full(10, value, np.float32) if np.isscalar(value) else value)
        for each, (count, value) in sorted(rows.items())
    )
    fields: dict[str, object] = {
        "campaign": "c7",
        "round": round_number,
        "kind": RowKind.MEANS,
        "level": Consent.WEIGHTS,
        "space": SPACE,
        "rows": made,
    }
    return Update(**(fields | changes))


def samples(dice: np.random.Generator, count: int, space: HeadSpace = SPACE) -> np.ndarray:
    """Features as devices have them: of unit length in each view, on the grid."""
    views = []
    for width in space.widths:
        raw = np.abs(dice.normal(size=(count, width)))
        views.append(np.rint(raw / np.linalg.norm(raw, axis=1, keepdims=True) * UNIT))
    return np.concatenate(views, axis=1)


def statistics(
    grid: np.ndarray, labels: np.ndarray, *, round_number: int = 1, space: HeadSpace = SPACE
) -> Update:
    """An update at ``statistics`` of samples float64[N,D] with the ids of their classes."""
    rows = tuple(
        Row(int(each), int((labels == each).sum()), grid[labels == each].sum(axis=0))
        for each in np.unique(labels)
    )
    scatter, start = [], 0
    for width in space.widths:
        view = grid[:, start : start + width]
        scatter.append((view.T @ view)[np.triu_indices(width)])
        start += width
    return Update(
        "c7", round_number, RowKind.MEANS, Consent.STATISTICS, space, rows, tuple(scatter)
    )
