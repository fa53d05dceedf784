"""What galla does: every verb of the shop, each as one short transaction.

The only users of `store` and `connectors`. Only `advance.py` talks to Paytm. No HTML, no HTTP status and no
SQL belongs here.
"""
