"""Every target there is."""

from tests.fuzz import (
    file_targets,
    log_targets,
    login_targets,
    network_targets,
    state_targets,
    text_targets,
    trust_targets,
    wire_targets,
)
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    each.name: each
    for each in (
        *wire_targets.TARGETS,
        *file_targets.TARGETS,
        *text_targets.TARGETS,
        *network_targets.TARGETS,
        *trust_targets.TARGETS,
        *log_targets.TARGETS,
        *login_targets.TARGETS,
        *state_targets.TARGETS,
    )
}
