"""`python -m firesteel` is the command line."""

import sys

from firesteel.cli import main

sys.exit(main())
