"""The one place that knows Flower; importing it keeps Flower from calling home."""

import os

# Read once, when flwr is imported: it would look for new versions and report its use.
os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
os.environ.setdefault("FLWR_DISABLE_UPDATE_CHECK", "1")
