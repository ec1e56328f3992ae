"""Distributions over devices, counted by the database: one pass for each measure."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Double,
    RowMapping,
    Select,
    Text,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.sql.selectable import CompoundSelect

from orchestrator.fleet.readings import READINGS, Measure, Reading, Spread
from orchestrator.storage.sql.tables import devices, reports


def select_spreads() -> CompoundSelect[Any]:
    """Select measure, interval, devices in it and the sum of their values."""
    return union_all(*(_select_spread(measure, reading) for measure, reading in READINGS.items()))


def spreads_from(rows: Iterable[RowMapping]) -> Mapping[Measure, Spread]:
    """Read what ``select_spreads`` found, every measure with every interval."""
    counted = {measure: [0] * (len(reading.bounds) + 1) for measure, reading in READINGS.items()}
    totals = dict.fromkeys(READINGS, 0.0)
    for row in rows:
        measure = Measure(row["measure"])
        counted[measure][row["interval"]] = row["devices"]
        totals[measure] += row["total"]
    return {
        measure: Spread(reading.bounds, tuple(counted[measure]), totals[measure])
        for measure, reading in READINGS.items()
    }


def _select_spread(measure: Measure, reading: Reading) -> Select[Any]:
    value = _value(reading).label("value")
    values = (
        select(value)
        .select_from(reports.join(devices, devices.c.id == reports.c.device))
        .where(devices.c.removed_at.is_(None), reports.c[reading.known] > 0)
        .subquery()
    )
    interval = case(
        *((values.c.value <= bound, number) for number, bound in enumerate(reading.bounds)),
        else_=len(reading.bounds),
    ).label("interval")
    named = cast(literal(measure.value), Text).label("measure")
    return select(
        named, interval, func.count().label("devices"), func.sum(values.c.value).label("total")
    ).group_by(interval)


def _value(reading: Reading) -> ColumnElement[Any]:
    part: ColumnElement[Any] = cast(reports.c[reading.part], Double) * reading.scale
    if not reading.whole:
        return part
    whole, *others = (cast(reports.c[name], Double) for name in reading.whole)
    return part / sum(others, start=whole)
