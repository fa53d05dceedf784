"""Processes that die, for the crash tests: what the simulation uses too."""

from galla.simulation.dying import DyingDatabase, Fate, Killed, put_at_risk

__all__ = ["DyingDatabase", "Fate", "Killed", "put_at_risk"]
