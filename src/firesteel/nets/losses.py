"""What training makes small: each loss with its value per row and its closed-form gradient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

#: Beyond this many target standard deviations huber counts errors linearly; torch's own default.
HUBER_DELTA = 1.0


@dataclass(frozen=True)
class Loss(ABC):
    """A loss over `z` (*k, batch, d_out) and `t` (batch, d_out), the targets as `spread` lays them out."""

    d_out: int

    def spread(self, y: Tensor) -> Tensor:
        """The targets as the gradient needs them, `(n_rows, d_out)`, from `y` `(n_rows,)`."""
        return y.unsqueeze(-1)

    @abstractmethod
    def rows(self, z: Tensor, y: Tensor) -> Tensor:
        """The loss of each row `(*k, batch)`; `y` is `(batch,)` or per member `(k, batch)`."""

    @abstractmethod
    def gradient(self, z: Tensor, t: Tensor, share: Tensor | float, out: Tensor) -> Tensor:
        """The gradient by z of the sum of `share` times each row's loss, written into `out` `(*k, batch, d_out)`."""


def smoothed(t: Tensor, smoothing: Tensor | float, *, n_classes: int) -> Tensor:
    """Targets with a share of each label spread over all classes; `smoothing` is a number or `(k, 1, 1)`."""
    return t * (1 - smoothing) + smoothing / n_classes


@dataclass(frozen=True)
class CrossEntropy(Loss):
    """-log of the softmax probability of the row's class."""

    def spread(self, y: Tensor) -> Tensor:
        return functional.one_hot(y, self.d_out)

    def rows(self, z: Tensor, y: Tensor) -> Tensor:
        index = y.expand(z.shape[:-1]).unsqueeze(-1)
        return -torch.log_softmax(z, -1).gather(-1, index).squeeze(-1)

    def gradient(self, z: Tensor, t: Tensor, share: Tensor | float, out: Tensor) -> Tensor:
        return torch.softmax(z, -1, out=out).sub_(t).mul_(share)


@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """-log of the sigmoid probability of the row's class; one logit, y is 0 or 1."""

    def rows(self, z: Tensor, y: Tensor) -> Tensor:
        t = y.to(z.dtype).expand(z.shape[:-1])
        return functional.binary_cross_entropy_with_logits(z.squeeze(-1), t, reduction="none")

    def gradient(self, z: Tensor, t: Tensor, share: Tensor | float, out: Tensor) -> Tensor:
        return torch.sigmoid(z, out=out).sub_(t).mul_(share)


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """(z - y) squared."""

    def rows(self, z: Tensor, y: Tensor) -> Tensor:
        return (z.squeeze(-1) - y).square()

    def gradient(self, z: Tensor, t: Tensor, share: Tensor | float, out: Tensor) -> Tensor:
        return torch.sub(z, t, out=out).mul_(2 * share)


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """|z - y|: outliers weigh less, and the answer is a median."""

    def rows(self, z: Tensor, y: Tensor) -> Tensor:
        return (z.squeeze(-1) - y).abs()

    def gradient(self, z: Tensor, t: Tensor, share: Tensor | float, out: Tensor) -> Tensor:
        return torch.sub(z, t, out=out).sign_().mul_(share)


@dataclass(frozen=True)
class Huber(Loss):
    """Half the squared error near 0, the absolute error beyond `HUBER_DELTA`."""

    def rows(self, z: Tensor, y: Tensor) -> Tensor:
        t = y.expand(z.shape[:-1])
        return functional.huber_loss(z.squeeze(-1), t, delta=HUBER_DELTA, reduction="none")

    def gradient(self, z: Tensor, t: Tensor, share: Tensor | float, out: Tensor) -> Tensor:
        return torch.sub(z, t, out=out).clamp_(-HUBER_DELTA, HUBER_DELTA).mul_(share)


#: The recipe's words for them.
LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "binary_cross_entropy": BinaryCrossEntropy,
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "huber": Huber,
}
