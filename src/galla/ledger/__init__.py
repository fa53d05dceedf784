"""What the money did: the chart of accounts, and the entry each economic event makes.

Plain functions over frozen values. No I/O and no payment state belongs here; entries are written to the
database by `store/ledger.py` and by nothing else.
"""
