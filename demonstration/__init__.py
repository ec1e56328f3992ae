"""Shows a small fleet at work on one machine, through nothing but the public surfaces."""
