"""The device program: it learns from its own samples and looks after its backbone."""
