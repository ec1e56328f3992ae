"""Heads: what turns features into an answer, and the rules that keep them in step with learning."""
