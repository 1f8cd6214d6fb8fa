"""Which pictures are equal, or nearly so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def find_units(parts: Sequence[npt.NDArray[np.uint8]]) -> list[npt.NDArray[np.int64]]:
    """A number for each picture `(n, h, w, c)` of each part; equal and nearly equal ones have the same in all parts."""
    rows = np.concatenate([part.reshape(len(part), -1) for part in parts])
    _, units = np.unique(rows, axis=0, return_inverse=True)
    return np.split(units.reshape(-1).astype(np.int64), np.cumsum([len(part) for part in parts])[:-1])
