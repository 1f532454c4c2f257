"""`python -m ganlab`: the same as the command `ganlab`."""

import sys

from ganlab.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
