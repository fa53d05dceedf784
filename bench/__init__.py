"""How fast galla is on this computer: `python -m bench`. Nothing here is a test."""
