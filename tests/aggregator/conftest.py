"""Flower is told to keep to itself before any test imports it, as the program does."""

import aggregator.flower  # noqa: F401 -- it sets what flwr reads when it is imported
