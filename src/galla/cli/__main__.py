"""`python -m galla.cli`: the same as `galla`."""

import sys

from galla.cli import main

if __name__ == "__main__":
    sys.exit(main())
