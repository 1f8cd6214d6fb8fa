"""What happened in a training: the learning curve, the best epoch of every member, and why it ended."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

#: Training is restless where, over at least so many epochs, most jumps turn round and are of some size.
N_RESTLESS, RESTLESS_TURNS, RESTLESS_JUMP = 8, 0.6, 0.1
#: Losses this much smaller than the first one jump by rounding alone.
ROUNDING = 1e-10

#: How a notice of a run that was stopped begins.
INTERRUPTED = "training was interrupted"

Ending = Literal["all epochs", "no better val loss", "interrupted"]


@dataclass(frozen=True)
class Run:
    """The learning curve of every member; losses are log loss for classes, mean squared error otherwise.

    `train_loss` and `val_loss` are `[epoch][member]`, both measured without dropout after the epoch, the former on a
    fixed sample of the training rows. A loss that is not a number is kept as `inf`.
    """

    train_loss: tuple[tuple[float, ...], ...]
    val_loss: tuple[tuple[float, ...], ...]
    best_epoch: tuple[int, ...]  # per member, from 1; 0 when no epoch gave a finite val loss
    best_val_loss: tuple[float, ...]
    ending: Ending
    n_steps: int
    seconds: float
    has_constant_lr: bool = False

    @property
    def n_epochs(self) -> int:
        return len(self.val_loss)

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know of the training, as sentences."""
        said = []
        if self.ending == "interrupted":
            said.append(f"{INTERRUPTED} after {self.n_epochs} epochs; the best weights so far were kept")
        n_diverged = self.best_epoch.count(0)
        if n_diverged:
            said.append(f"{n_diverged} of {len(self.best_epoch)} members never had a val loss that is a number")
        if self.is_restless:
            said.append(
                "training did not settle: over the last quarter of the epochs the loss went up and down by a tenth or "
                "more each time. The steps are too large: a smaller lr, or --schedule cosine"
            )
        return tuple(said)

    @property
    def is_restless(self) -> bool:
        """Whether the train loss jumps to and fro at the end instead of coming to rest, at an lr that stays."""
        last = np.array(self.train_loss[-(self.n_epochs // 4) :]).mean(axis=1) if self.n_epochs else np.zeros(0)
        if len(last) < N_RESTLESS or not np.isfinite(last).all() or not self.has_constant_lr:
            return False
        if float(last.mean()) <= ROUNDING * float(np.mean(self.train_loss[0])):
            return False
        jumps = np.diff(last)
        turns = float((np.sign(jumps[1:]) != np.sign(jumps[:-1])).mean())
        return turns >= RESTLESS_TURNS and float(np.abs(jumps).mean()) >= RESTLESS_JUMP * float(last.mean()) > 0

    def pick(self, members: list[int]) -> Run:
        """The run as these members saw it."""

        def columns(curve: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
            return tuple(tuple(row[i] for i in members) for row in curve)

        return Run(
            columns(self.train_loss),
            columns(self.val_loss),
            tuple(self.best_epoch[i] for i in members),
            tuple(self.best_val_loss[i] for i in members),
            self.ending,
            self.n_steps,
            self.seconds,
            self.has_constant_lr,
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
