"""What the machine under the agent is: its memory, its processors, what the process takes."""

import os
import platform
from pathlib import Path

import fieldwise
from agent.reporting import DeviceFacts, Software
from fieldwise.diagnosis import KERNEL, SYSTEM, VERSION, of_form

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MIB = 1024 * 1024


class LinuxHost:
    """The machine and the process, as Linux shows them."""

    agent_version = fieldwise.__version__

    def facts(self) -> DeviceFacts:
        """What a device says of its hardware when it joins."""
        return DeviceFacts(
            agent_version=self.agent_version,
            architecture=platform.machine(),
            memory_bytes=os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES,
            processors=len(os.sched_getaffinity(0)),
        )

    def software(self) -> Software:
        """What the agent runs on; a text of another form than versions have is not told."""
        return Software(
            python_version=of_form(VERSION, platform.python_version()),
            system=of_form(SYSTEM, _system()),
            kernel=of_form(KERNEL, platform.release()),
            architecture=of_form(VERSION, platform.machine()),
        )

    def resident_bytes(self) -> int:
        """Memory of this process that is in use now."""
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES

    def available_memory_mib(self) -> int:
        """Memory that a further program could get without swapping, MiB."""
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024 // _MIB
        return os.sysconf("SC_AVPHYS_PAGES") * _PAGE_BYTES // _MIB


def _system() -> str:
    try:
        told = platform.freedesktop_os_release()
    except OSError:
        return platform.system().lower()
    return f"{told['ID']} {told.get('VERSION_ID', '')}".rstrip()
