"""Paytm on the wire: every message as a frozen value that can be written and read in both directions.

The client writes requests and reads replies, the sandbox does the reverse with the same code.
No I/O, no waiting, no database and no decision about money belongs here.
"""
