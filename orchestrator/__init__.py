"""The server program: it looks after a fleet of devices without ever seeing their data."""
