"""The counter, the office and the API over HTTP.

What belongs here: reading requests strictly, writing answers, pages. It calls `galla.service` and nothing
deeper: no SQL, no Paytm, no rule about money. What a payment may do is decided below.
"""
