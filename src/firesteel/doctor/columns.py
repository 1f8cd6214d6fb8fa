"""Sums of the columns of rows that a net sees for the first time: enough for means, spreads and bounds at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

#: Wider rows, and rows beyond the first so many of a width, are left out.
MOST_COLUMNS = 512
MOST_ROWS = 200_000


@dataclass(frozen=True)
class Fresh:
    """Of the rows of one call that no call before had: how many, and of each column sum, sum of squares, bounds.

    `n_low` and `n_high` count how often a column has its least and its largest value.
    """

    n: int
    total: np.ndarray  # (d,) float64
    squares: np.ndarray  # (d,)
    low: np.ndarray  # (d,)
    high: np.ndarray  # (d,)
    n_low: np.ndarray  # (d,)
    n_high: np.ndarray  # (d,)

    def __add__(self, other: Fresh) -> Fresh:
        return Fresh(
            self.n + other.n,
            self.total + other.total,
            self.squares + other.squares,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.n_low * (self.low <= other.low) + other.n_low * (other.low <= self.low),
            self.n_high * (self.high >= other.high) + other.n_high * (other.high >= self.high),
        )

    @property
    def mean(self) -> np.ndarray:
        return np.asarray(self.total / self.n)

    @property
    def variance(self) -> np.ndarray:
        """With n as the divisor."""
        return np.asarray(np.maximum(self.squares / self.n - self.mean**2, 0.0))


class Columns:
    """Which rows of each width were seen."""

    def __init__(self) -> None:
        self._seen: dict[int, set[int]] = {}

    def note(self, x: torch.Tensor, rows: Any) -> Fresh | None:
        """The sums of the rows that are new; None if there are none, or too many columns."""
        if rows is None or x.dim() < 2 or not x.is_floating_point():
            return None
        flat = x.detach().reshape(len(rows), -1)
        width = flat.shape[1]
        seen = self._seen.setdefault(width, set())
        if width > MOST_COLUMNS or len(seen) > MOST_ROWS:
            return None
        places = []
        for place, row in enumerate(rows.tolist()):
            if row not in seen:
                seen.add(row)
                places.append(place)
        if not places:
            return None
        values = flat[places].double().cpu().numpy()
        low, high = values.min(0), values.max(0)
        bounds = low, high, (values == low).sum(0), (values == high).sum(0)
        return Fresh(len(places), values.sum(0), (values**2).sum(0), *bounds)
