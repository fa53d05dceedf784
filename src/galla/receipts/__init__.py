"""Paper: what a receipt, a slip or a page of evidence says, and how it looks as text, printer bytes and PDF.

Plain functions over frozen values. No I/O, no clock and no database belongs here, and nothing is decided about money:
what is on paper is what the books say already. `paper.py` words it once; the renderers only lay it out.
"""
