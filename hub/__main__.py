"""`truc`, also `python -m hub`: the command line."""

import sys

from hub.commands.line import main

if __name__ == "__main__":
    sys.exit(main())
