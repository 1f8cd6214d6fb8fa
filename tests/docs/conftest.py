"""The tests of the docs share `pages`, and the generator `scripts/docs.py` that they hold the reference against."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "scripts")]
