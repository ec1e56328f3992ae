"""A hundred thousand devices make as many series as a hundred: real rows, a real survey."""

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.update import UpdateFailure, UpdateHold, UpdatePhase
from orchestrator.fleet.report import Report, UpdateReport
from orchestrator.metrics import FleetMetrics
from orchestrator.storage.sql.rows import sighting_values
from orchestrator.storage.sql.stores import sql_stores
from orchestrator.survey import Survey
from tests.databases import sqlite_with_tables
from tests.fleet_records import FACTS, NOW, SetClock, roll_out, sighting

FEW, MANY = 100, 100_000
KINDS = 50  # of reports: both fleets have all of them
SITES, WORST = 8, 20


def told(chance: random.Random) -> dict[str, Any]:
    """The row of a report, every number anything that a device may say."""
    window, judged = chance.randrange(200), chance.randrange(1000)
    counted = asdict(LearningCounters()) | {
        "samples": chance.randrange(10**6),
        "window_samples": window,
        "window_correct": chance.randint(0, window),
    }
    signs = asdict(LearningSigns()) | {
        "novelty_samples": judged,
        "novelty_novel": chance.randint(0, judged),
        "calibration_samples": chance.randrange(500),
        "calibration_error_permille": chance.randrange(1001),
        "drift_permille": chance.randrange(1001),
        "clock_off_seconds": chance.randrange(10**6),
        "learning_p50_micros": chance.randrange(10**5),
    }
    vital = {name: chance.randrange(10**10) for name in asdict(VitalSigns())}
    update = UpdateReport(
        1,
        "ab" * 32,
        chance.choice(list(UpdatePhase)),
        chance.choice([None, *UpdateFailure]),
        chance.choice([None, *UpdateHold]),
    )
    report = Report(
        1,
        chance.randrange(1, 9),
        1,
        f"{chance.randrange(3):064x}",
        "int8",
        update,
        VitalSigns(**vital),
        LearningCounters(**counted),
        f"0.{chance.randrange(3)}.0",
        signs=LearningSigns(**signs),
    )
    return sighting_values(sighting("", report, NOW - chance.randrange(10**6)))


def fill(file: Path, devices: int) -> None:
    """Write a fleet's rows as enrolments and check-ins do, without the calls."""
    chance = random.Random(5)
    kinds = [told(chance) for _ in range(KINDS)]
    names = [f"d{number:06}" for number in range(devices)]
    sites = [f"site-{number % SITES}" for number in range(devices)]
    with closing(sqlite3.connect(file)) as connection, connection:
        insert(
            connection,
            "devices",
            ("id", "enrolled_at", *asdict(FACTS), "key_fingerprint"),
            [(name, NOW - 10**7, *asdict(FACTS).values(), name) for name in names],
        )
        insert(
            connection,
            "device_keys",
            ("fingerprint", "device", "serial", "expires_at"),
            [(name, name, name, NOW + number % 10**6) for number, name in enumerate(names)],
        )
        tags = [(name, "site", site) for name, site in zip(names, sites, strict=True)]
        insert(connection, "device_tags", ("device", "key", "value"), tags)
        insert(
            connection,
            "reports",
            tuple(kinds[0]),
            [
                tuple((kinds[number % KINDS] | {"device": name}).values())
                for number, name in enumerate(names)
            ],
        )


def insert(
    connection: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    places = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
    connection.executemany(statement, rows)


async def scraped(folder: Path, devices: int) -> dict[str, float]:
    """Every series of a fleet of that size with its value."""
    url = sqlite_with_tables(folder)
    async with sql_stores(url) as stores:
        for number in range(12):
            await roll_out(stores, version=str(number))
        fill(Path(url.partition(":///")[2]), devices)
        survey = Survey(
            "fleet",
            stores.devices,
            stores.backbones,
            stores.rollouts,
            stores.tickets,
            SetClock(),
            "site",
            WORST,
        )
        metrics = FleetMetrics("0.1.0")
        metrics.show(await survey.snapshot())
    text = generate_latest(metrics.registry).decode()
    return {
        f"{sample.name}{sorted(labels.items())}": sample.value
        for family in text_string_to_metric_families(text)
        for place, sample in enumerate(family.samples)
        for labels in [
            sample.labels | ({"device": f"{place}."} if "device" in sample.labels else {})
        ]
    }


@pytest.mark.timeout(600)
async def test_a_hundred_thousand_devices_make_the_series_of_a_hundred(tmp_path: Path) -> None:
    few, many = await scraped(tmp_path, FEW), await scraped(tmp_path, MANY)
    assert few.keys() == many.keys()
    assert 300 < len(many) < 1000
    counted = [value for series, value in many.items() if series.startswith("fieldwise_devices[")]
    assert sum(counted) == MANY
    spread = "fieldwise_device_last_seen_age_seconds"
    assert many[f"{spread}_gcount[]"] == MANY
    assert many[f"{spread}_gsum[]"] == pytest.approx(1000 * few[f"{spread}_gsum[]"])
