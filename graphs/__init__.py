"""Verbs: one file per node, the wiring, the model adapter and the ways in."""
