"""Which rows a transformer of scikit-learn's was fitted on, and which it made of which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from firesteel.doctor.sites import Site


@dataclass(eq=False)
class Fit:
    """A transformer of scikit-learn's was fitted."""

    at: int
    kind: str  # name of the class
    site: Site
    rows: Any  # (n,) fingerprints


@dataclass(eq=False)
class Transform:
    """It made rows of rows, each of the one at its place."""

    fit: Fit
    before: Any  # (n,) fingerprints
    after: Any
    learns: bool  # what it does depends on the rows that it was fitted on
