"""How far probabilities can be trusted: the calibration curve, its error, and the temperature that mends it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firesteel.errors import DataError
from firesteel.evaluation.metrics import Floats

N_BINS = 10  # of equal width; a test part of some hundred rows leaves dozens in each of the ends
Z_95 = 1.959963984540054  # two-sided 95 % point of the normal distribution
# Temperatures outside of these come from val rows that are all right or all wrong and mean "no limit".
COLDEST, HOTTEST = 0.05, 20.0
N_BISECTIONS = 40  # halves the logarithm of the range to 1e-11 of it


@dataclass(frozen=True)
class Bin:
    """Rows with about the same probability: what was promised, what came true, and its 95 % interval (Wilson)."""

    promised: float
    observed: float
    low: float
    high: float
    n_rows: int


@dataclass(frozen=True)
class Calibration:
    """The curve, bins in ascending order (empty ones left out), and the mean gap weighted by rows."""

    bins: tuple[Bin, ...]
    expected_error: float
    of: str  # "class 1" (binary) or "the class picked" (multiclass)

    def to_dict(self) -> dict[str, Any]:
        return {"expected_error": self.expected_error, "of": self.of, "bins": [asdict(bin_) for bin_ in self.bins]}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Calibration:
        return cls(tuple(Bin(**bin_) for bin_ in record["bins"]), record["expected_error"], record["of"])


def calibration_curve(y: NDArray[Any], proba: Floats) -> Calibration:
    """Promised against observed shares in ten bins: of class 1 for two classes, of the class picked for more.

    Source: Guo et al., On Calibration of Modern Neural Networks (2017), section 2, for the expected error.
    """
    is_binary = proba.shape[1] == 2
    promised = proba[:, 1] if is_binary else proba.max(axis=1)
    came_true = y == 1 if is_binary else proba.argmax(axis=1) == y
    place = np.minimum((promised * N_BINS).astype(np.int64), N_BINS - 1)
    bins = tuple(_bin(promised[place == i], came_true[place == i]) for i in np.unique(place))
    gap = sum(bin_.n_rows * abs(bin_.observed - bin_.promised) for bin_ in bins) / len(y)
    return Calibration(bins, gap, "class 1" if is_binary else "the class picked")


def temperature(logits: Floats, y: NDArray[Any]) -> float:
    """The number to divide logits (n, n_classes) by, so that the log loss on these rows is least; 1 without rows.

    Logits of shape (n,) are those of class 1 against 0. Log loss is convex in 1/T, so the sign of its slope
    says on which side the least value lies.
    """
    scores = np.asarray(logits, dtype=np.float64)
    if scores.ndim == 1:
        scores = np.stack([np.zeros_like(scores), scores], axis=1)
    if len(scores) == 0:
        return 1.0
    if not np.isfinite(scores).all():
        raise DataError(
            "logits must be finite numbers to be calibrated",
            found=f"{int((~np.isfinite(scores)).sum()):,} of {scores.size:,} are not",
            hint="a smaller lr: training may have diverged",
        )
    scores -= scores.max(axis=1, keepdims=True)
    of_truth = scores[np.arange(len(scores)), y.astype(np.int64)].mean()
    low, high = math.log(1 / HOTTEST), math.log(1 / COLDEST)
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2
        weights = np.exp(scores * math.exp(middle))
        expected = ((scores * weights).sum(axis=1) / weights.sum(axis=1)).mean()
        low, high = (low, middle) if expected > of_truth else (middle, high)
    return math.exp(-(low + high) / 2)


def softmax(logits: Floats) -> Floats:
    """Probabilities of logits (n, n_classes)."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def wilson(share: float, n_rows: int) -> tuple[float, float]:
    """The 95 % interval of a share of n rows. Source: Wilson (1927), without continuity correction."""
    middle = (share + Z_95**2 / (2 * n_rows)) / (1 + Z_95**2 / n_rows)
    half = Z_95 / (1 + Z_95**2 / n_rows) * math.sqrt(share * (1 - share) / n_rows + Z_95**2 / (4 * n_rows**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def _bin(promised: Floats, came_true: NDArray[np.bool_]) -> Bin:
    observed = float(came_true.mean())
    low, high = wilson(observed, len(promised))
    return Bin(float(promised.mean()), observed, low, high, len(promised))
