"""How steeply the loss is curved: what decides which lr gradient descent can bear."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from firesteel.nets import Loss, Population
from firesteel.training.rows import Rows

#: Nets of up to so many weights have all their second derivatives taken; of larger ones the steepest direction is found
#: by power iteration, so many times.
N_EXACT, N_ITERATIONS = 64, 40
#: The gradient is measured on so many rows at most, evenly spaced; of larger nets on fewer.
N_ROWS_EXACT, N_ROWS_STEEPEST = 50_000, 1_000
#: A step for a difference of gradients, as a share of the weights' size: the cube root of the precision.
_STEP = 1 / 3


def measure_curvature(population: Population, rows: Rows, *, loss: Loss, member: int = 0) -> tuple[float, float]:
    """The largest and the smallest curvature of a member's loss over its training rows, at its weights.

    They are eigenvalues of its second derivatives, from differences of gradients; rows count as their weights say. The
    smallest is nan for nets of more than 64 weights. Nothing changes.
    """
    one = population.pick([member])
    n = min(rows.n_rows, N_ROWS_EXACT if one.n_params <= N_EXACT else N_ROWS_STEEPEST)
    part = rows if n == rows.n_rows else rows.take(torch.linspace(0, rows.n_rows - 1, n).long().to(rows.y.device))
    t = loss.spread(part.y).to(one.weights.dtype)
    share = _share_of(part, member)

    def gradient() -> Tensor:
        program = one.program(part.n_rows)
        z = program.forward(part.inputs)
        program.backward(loss.gradient(z, t, share, torch.empty_like(z)))
        return one.grads.double()

    with torch.inference_mode():
        one.context.is_training = False
        bend = _Bend(one, gradient)
        if one.n_params <= N_EXACT:
            return bend.exactly()
        return bend.steepest(), math.nan


def _share_of(rows: Rows, member: int) -> Tensor | float:
    """What each row adds to the member's mean loss: a number, or `(n_rows, 1)`."""
    if rows.weights is None:
        return 1 / rows.n_rows
    weights = rows.weights[:, member if rows.weights.shape[1] > 1 else 0].unsqueeze(1)
    return weights / weights.sum()


class _Bend:
    """Products of the second derivatives with a direction."""

    def __init__(self, one: Population, gradient: Callable[[], Tensor]) -> None:
        self.weights, self.gradient = one.weights, gradient
        self.start = one.weights.clone()

    def along(self, direction: Tensor) -> Tensor:
        """How the gradient changes for a step of 1 in a direction of length 1."""
        size = torch.finfo(self.weights.dtype).eps ** _STEP * max(1.0, float(self.start.abs().max()))
        found: list[Tensor] = []
        for sign in (1, -1):
            self.weights.copy_(self.start.double() + sign * size * direction.to(self.start.device))
            found.append(self.gradient().clone())
        self.weights.copy_(self.start)
        return found[0].sub_(found[1]).div_(2 * size)

    def exactly(self) -> tuple[float, float]:
        n = len(self.start)
        matrix = torch.stack([self.along(one) for one in torch.eye(n, dtype=torch.float64)]).cpu()
        found = torch.linalg.eigvalsh((matrix + matrix.T) / 2)
        return float(found[-1]), float(found[0])

    def steepest(self) -> float:
        drawn = np.random.Generator(np.random.PCG64(0)).standard_normal(len(self.start))
        direction, size = torch.from_numpy(drawn), 0.0
        for _ in range(N_ITERATIONS):
            direction = self.along(direction / direction.norm())
            size = float(direction.norm())
            if size == 0.0 or not math.isfinite(size):
                break
        return size
