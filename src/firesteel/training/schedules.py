"""How lr changes over a run: each schedule is a factor between 0 and 1 for a step of so many."""

from __future__ import annotations

import math
from collections.abc import Callable

#: torch's own defaults for OneCycleLR.
WARM_UP_SHARE = 0.3
START_DIVISOR = 25.0
END_DIVISOR = 1e4

#: "step": lr falls to a tenth at half and at three quarters of the run.
STEP_MARKS = (0.5, 0.75)
STEP_FACTOR = 0.1


def constant(_step: int, _n_steps: int) -> float:
    """Always 1."""
    return 1.0


def cosine(step: int, n_steps: int) -> float:
    """From 1 to 0 along half a cosine. Source: arXiv 1608.03983, without restarts."""
    return 0.5 * (1 + math.cos(math.pi * step / n_steps))


def one_cycle(step: int, n_steps: int) -> float:
    """From 1/25 up to 1 over the first 30 %, then down to nearly 0. Source: arXiv 1708.07120, as torch's OneCycleLR."""
    peak = WARM_UP_SHARE * n_steps - 1
    if peak > 0 and step <= peak:
        low, high, share = 1 / START_DIVISOR, 1.0, step / peak
    else:
        low, high, share = 1.0, 1 / (START_DIVISOR * END_DIVISOR), (step - peak) / (n_steps - 1 - peak)
    return high + (low - high) / 2 * (1 + math.cos(math.pi * share))


def step(step: int, n_steps: int) -> float:
    """1, then a tenth from half of the run, a hundredth from three quarters on."""
    return STEP_FACTOR ** sum(step >= mark * n_steps for mark in STEP_MARKS)


#: The recipe's words; each takes the step, from 0, and the number of steps of the whole run.
SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "constant": constant,
    "one_cycle": one_cycle,
    "cosine": cosine,
    "step": step,
}
