"""The device program: it learns from its own samples and looks after its backbone."""

import os

# ONNX Runtime 1.29 and later report to their maker over the network, with an id of the device that
# they store, unless this is said before they are loaded. Nothing leaves but what the ledger has.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
