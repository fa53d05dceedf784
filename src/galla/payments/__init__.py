"""What a payment is: its values, its transition table, and when to ask Paytm again.

Everything here is a plain function over frozen values. No I/O, no clock and no database belongs here:
the present instant is always an argument.
"""
