"""The colours of words: the same on every dashboard. Red went wrong, grey is out of the game."""

from collections.abc import Mapping

GREEN, RED, ORANGE, YELLOW = "green", "red", "orange", "yellow"
BLUE, LIGHT_BLUE, DARK_BLUE, PURPLE, GREY = "blue", "light-blue", "dark-blue", "purple", "#808080"

STATES: Mapping[str, str] = {
    "healthy": GREEN,
    "updating": BLUE,
    "waiting": YELLOW,
    "new": LIGHT_BLUE,
    "offline": GREY,
    "failed": RED,
}

STEPS: Mapping[str, str] = {
    "idle": GREY,
    "fetching": LIGHT_BLUE,
    "verifying": "super-light-blue",
    "migrating": BLUE,
    "judging": DARK_BLUE,
    "probation": PURPLE,
    "active": GREEN,
    "declined": ORANGE,
    "reverted": RED,
}

PLACES: Mapping[str, str] = {
    "waiting": YELLOW,
    "permitted": "light-yellow",
    **{name: STEPS[name] for name in ("fetching", "verifying", "migrating", "judging")},
    "probation": PURPLE,
    "healthy": GREEN,
    "declined": ORANGE,
    "failed": RED,
    "overdue": "dark-red",
    "offline": GREY,
    "excluded": "dark-yellow",
    "superseded": "light-green",
}

RESULTS: Mapping[str, str] = {
    "ok": GREEN,
    "refused": ORANGE,
    "invalid": "dark-orange",
    "missing": PURPLE,
    "busy": YELLOW,
    "cancelled": GREY,
    "failed": RED,
}

ANSWERS: Mapping[str, str] = {
    "asked": BLUE,
    "taken": GREEN,
    "unchanged": LIGHT_BLUE,
    "declined": GREY,
    "refused": RED,
}

ROUNDS: Mapping[str, str] = {
    "committed": GREEN,
    "unchanged": LIGHT_BLUE,
    "missed": ORANGE,
    "dropped": GREY,
}

OUTCOMES: Mapping[str, str] = {
    "adopted": GREEN,
    "not-chosen": LIGHT_BLUE,
    "harm": RED,
    "too-few": YELLOW,
    "unsuitable": PURPLE,
    "not-agreed": GREY,
}

YES_NO: Mapping[str, tuple[str, str]] = {"1": ("yes", GREEN), "0": ("no", RED)}
LEADS: Mapping[str, tuple[str, str]] = {"1": ("leads", GREEN), "0": ("stands by", "text")}
