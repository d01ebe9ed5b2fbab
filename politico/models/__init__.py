"""Experiments, the models that came of them, and which tweets each of them saw."""
