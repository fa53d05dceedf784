"""What galla does: every verb of the shop, each as one short transaction.

The only users of `store` and `connectors`. Only `advance.py` and `refunding.py` ask Paytm to move money; `comparing.py`
reads a list. No HTML, no HTTP status and no SQL belongs here.
"""
