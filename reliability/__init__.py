"""How galla is shown to keep its promise: long trials of the real thing, each leaving a record beside the code.

`python -m reliability` runs one of them; `document.py` makes RELIABILITY.md of the records. What belongs here takes
minutes or hours; the same promises in seconds are in `tests/`.
"""
