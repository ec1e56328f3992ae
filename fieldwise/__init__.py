"""What the programs of a fleet must agree on, and what applications import."""

__version__ = "0.1.0"
