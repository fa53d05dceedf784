"""How a payment uses a provider: one connector per way of taking money.

A connector only says what to send and how to read the answer. What every answer must agree with is checked in
`connector.py`, for all of them alike. No database and no payment state belongs here.
"""
