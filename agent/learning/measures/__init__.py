"""How well learning goes: figures from what was said and what was so, each with its trap."""
