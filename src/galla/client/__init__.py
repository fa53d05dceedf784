"""Talking to Paytm: flows, the transports that carry them, and the importable clients.

A conversation is written once, as a flow; sync, async and in-process drivers run the same one.
No database, no payment state and no decision about money belongs here.
"""
