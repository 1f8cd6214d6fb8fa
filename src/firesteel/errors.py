"""Every exception of firesteel, and how each is worded.

    FiresteelError            what a user can mend; the CLI prints it without a traceback, exit code 2
    ├── DataError             what was given to read, or what stands in it
    ├── RecipeError           what was asked for: an option, a value, two that do not go together
    ├── NetError              a network that does not fit the data or cannot be carried out
    ├── TrainingError         training that could not go on (every member diverged, a checkpoint that is not ours)
    └── ModelError            a run folder that is missing, damaged, foreign or could not be written

An error has three parts: what must hold, what was found (with values), what to type next.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FiresteelError(Exception):
    """What must hold, what was found, and what to try next, each a phrase without a final full stop."""

    def __init__(self, must: str, *, found: str, hint: str) -> None:
        super().__init__(must, found, hint)
        self.must = must
        self.found = found
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.must}; {self.found}.\n  Try: {self.hint}"


class DataError(FiresteelError):
    """What was given to read, or what stands in it, cannot be used."""


class RecipeError(FiresteelError):
    """An option or a value that firesteel does not have, or two that do not go together."""


class NetError(FiresteelError):
    """A network that does not fit the data or cannot be carried out."""


class TrainingError(FiresteelError):
    """Training that could not go on."""


class ModelError(FiresteelError):
    """A run folder that is missing, damaged, foreign, or could not be written."""


def nearest(word: str, known: Iterable[str], *, n: int = 3) -> list[str]:
    """The known words nearest to a mistyped one, best first; empty when none is near (case is ignored)."""
    by_lower = {name.lower(): name for name in known}
    return [by_lower[low] for low in difflib.get_close_matches(word.lower(), by_lower, n=n, cutoff=0.6)]
