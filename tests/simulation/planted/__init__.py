"""Bugs planted on purpose: the naive version of each fault's handling, which the simulation must catch.

`bugs.py` is the list, `payments.py`, `giving_back.py` and `keeping.py` the naive versions, and `python -m
tests.simulation.planted` tries each against many seeds and writes the record.
"""
