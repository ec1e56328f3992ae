"""Every dashboard."""

from tools.dashboards.federation import FEDERATION
from tools.dashboards.fleet import FLEET
from tools.dashboards.learning import LEARNING
from tools.dashboards.orchestrator import ORCHESTRATOR
from tools.dashboards.rollout import ROLLOUTS

BOARDS = (FLEET, ROLLOUTS, LEARNING, FEDERATION, ORCHESTRATOR)
