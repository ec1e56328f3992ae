"""Diagnoses for tests."""

from fieldwise.answers import LearningCounters, LearningSigns, VitalSigns
from fieldwise.diagnosis import Diagnosis, Frame, SettingsTold, TotalTold, Trouble
from fieldwise.errors import Fault

REQUEST = "0123456789abcdef" * 2
OTHER = "fedcba9876543210" * 2
DIAGNOSIS = Diagnosis(
    agent_version="0.1.0",
    python_version="3.11.4",
    system="debian 12",
    kernel="6.1.0-18-arm64",
    architecture="aarch64",
    settings=SettingsTold(threads=2, heads=("average", "nearest-mean"), learn_window="22:00-06:00"),
    vital_signs=VitalSigns(*range(11, 19)),
    learning=LearningCounters(*range(21, 30)),
    signs=LearningSigns(*range(31, 41)),
    sent=(TotalTold("check-in", 7, 2100), TotalTold("download by link", 1, 90)),
    troubles=(
        Trouble(
            Fault.DISK_FULL,
            "",
            3,
            60,
            (Frame("agent.upkeep", "Upkeep.tick", 41), Frame("agent.device.room", "Room.write", 7)),
            1,
            2,
        ),
        Trouble(None, "KeyError", 1, 5),
    ),
    troubles_noticed=9,
)
