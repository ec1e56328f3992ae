"""What a diagnosis says, collected once its owner has allowed it, or to show him before.

Settings are taken by the names that ``fieldwise.diagnosis`` lists, and none else. Where an operator
steers a setting, his value is the one in force.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Protocol

from agent.checkins import Contact
from agent.config import AgentSettings
from agent.observing import Observer
from agent.reporting import Software, Total
from agent.troubles import Troubles
from fieldwise.diagnosis import (
    ALLOWED_SETTINGS,
    KINDS_MAX,
    Diagnosis,
    SettingsTold,
    TotalTold,
)


class Host(Protocol):
    """The machine under the agent."""

    agent_version: str

    def software(self) -> Software:
        """What the agent runs on."""
        ...


class Collector:
    """Makes diagnoses.

    Args:
        settings: What the agent was told.
        observer: Looks at everything.
        contact: How the last check-in went.
        sent: What has left the device, by kind.
        troubles: What went wrong.
        host: The machine.
    """

    def __init__(
        self,
        settings: AgentSettings,
        observer: Observer,
        contact: Callable[[], Contact],
        sent: Callable[[], Mapping[str, Total]],
        troubles: Troubles,
        host: Host,
    ) -> None:
        self._settings = settings
        self._observer = observer
        self._contact = contact
        self._sent = sent
        self._troubles = troubles
        self._host = host

    def collect(self) -> Diagnosis:
        """Look at everything once."""
        software, observer = self._host.software(), self._observer
        sent = sorted(self._sent().items())[:KINDS_MAX]
        return Diagnosis(
            agent_version=self._host.agent_version,
            python_version=software.python_version,
            system=software.system,
            kernel=software.kernel,
            architecture=software.architecture,
            settings=self._settings_told(),
            vital_signs=observer.vital_signs(),
            learning=observer.counters(),
            signs=observer.signs(self._contact()),
            sent=tuple(TotalTold(kind, total.messages, total.bytes) for kind, total in sent),
            troubles=self._troubles.newest_first(),
            troubles_noticed=self._troubles.noticed,
        )

    def _settings_told(self) -> SettingsTold:
        own = {name: getattr(self._settings, name) for name in ALLOWED_SETTINGS}
        heads = tuple(dict.fromkeys(self._settings.heads.split(",")))
        in_force = asdict(self._observer.settings_in_force())
        return SettingsTold(**{**own, **in_force, "heads": heads})
