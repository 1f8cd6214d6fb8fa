"""The loss along a replay, and when more steps of it would tell nothing new."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: A replay has said what it can at so small a share of what the best constant answer costs, or where it was good at so
#: much of it and has got so many times worse since: the few batches are being learnt by heart.
CLEAR, GOOD, SPOILT = 0.02, 0.5, 2.0


@dataclass(frozen=True)
class Curve:
    """The loss of the compared batches before and behind a replay."""

    start: float
    end: float  # the mean of several looks in its last quarter; infinite where one was no number
    n_steps: int
    is_held_out: bool  # none of the compared batches was trained on
    relative: float = 0.0  # the end, as a share of what the best constant answer costs
    best: float = math.inf  # the least mean of two looks that follow each other, before few batches are known by heart
    best_relative: float = math.inf  # its share
    moved: float = math.inf  # the farthest from its start that it was seen, as such a share

    def says(self) -> str:
        end = f"{self.end:.4g}" if math.isfinite(self.end) else "not finite"
        is_spoilt = self.best < self.start and self.best * SPOILT < self.end
        return f"{self.start:.4g} → {self.best:.4g} → {end}" if is_spoilt else f"{self.start:.4g} → {end}"


def is_said(looks: list[float], base: float) -> bool:
    """More steps of a replay would tell nothing new: it is no number, cannot become better, or was better before."""
    last, best = looks[-1], min(looks[1:], default=math.inf)
    return not math.isfinite(last) or last <= CLEAR * base or (SPOILT * best < last and best <= GOOD * base)
