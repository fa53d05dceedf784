"""The database. All SQL is here, as plain functions of a connection, run by a `Database`.

No HTTP, no protocol and no decision belongs here: a function is given the values to write and writes them,
and constraints and triggers refuse what must never be.
"""
