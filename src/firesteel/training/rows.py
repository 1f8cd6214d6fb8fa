"""The rows that training learns from and those it is judged on, as tensors that are ready for the net."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from firesteel.nets import Inputs, Loss

#: Numbers gathered at once for the coming batches: some 4 MB, so that they stay in the cache.
N_BLOCK_NUMBERS = 1_000_000

#: The train loss of the learning curve is measured on this share of the training rows, within these bounds.
SAMPLE_SHARE = 1 / 8
N_SAMPLE_MIN, N_SAMPLE_MAX = 256, 5_000


@dataclass(frozen=True)
class Rows:
    """Rows after the net's fixed layers, with their targets.

    `inputs` are `(n_rows, d)` each, or `(k, n_rows, d)` when every member has rows of its own; `y` likewise.
    `weights` are `(n_rows, k)` or `(n_rows, 1)`; None = all rows alike. `mask` is 0 where a member must not see a row.
    """

    inputs: Inputs
    y: Tensor
    weights: Tensor | None = None
    mask: Tensor | None = None

    @property
    def n_rows(self) -> int:
        return self.inputs[0].shape[-2]

    def take(self, index: Tensor, *, room: Inputs | None = None) -> Rows:
        """These rows, in this order; for rows that all members share.

        With `room`, buffers of as many rows or more, the inputs are written there, over what `take` gave before.
        """
        inputs = self.inputs
        if room is None:
            taken = tuple(x.index_select(0, index) for x in inputs)
        else:
            pairs = zip(inputs, room, strict=True)
            taken = tuple(torch.index_select(x, 0, index, out=buffer[: len(index)]) for x, buffer in pairs)
        return Rows(
            taken,
            self.y.index_select(0, index),
            None if self.weights is None else self.weights.index_select(0, index),
            None if self.mask is None else self.mask.index_select(0, index),
        )

    def part(self, start: int, end: int) -> Rows:
        """The rows from start to before end, in the same memory; for rows that all members share."""

        def cut(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[start:end]

        inputs = tuple(x[start:end] for x in self.inputs)
        return Rows(inputs, self.y[start:end], cut(self.weights), cut(self.mask))

    def sample(self, seed: int) -> Rows:
        """A fixed sample for the learning curve."""
        n = min(self.n_rows, N_SAMPLE_MAX, max(N_SAMPLE_MIN, round(self.n_rows * SAMPLE_SHARE)))
        order = np.random.Generator(np.random.PCG64([seed, self.n_rows])).permutation(self.n_rows)[:n]
        return self.take(torch.from_numpy(np.sort(order)).to(self.y.device))


@dataclass(frozen=True)
class Batch:
    """One batch as a training step needs it."""

    inputs: Inputs
    t: Tensor  # (batch, d_out), the targets as the loss spreads them
    share: Tensor | float  # what each row adds to the mean loss: a number, or (*k, batch, 1)
    seen: Tensor | None = None  # (*k, batch, 1), each row's share in a member's batch means

    def split(self, n: int) -> list[Batch]:
        """The batch in n parts of nearly equally many rows; the shares of each part's rows in means sum to 1 again."""
        t = self.t.tensor_split(n)
        inputs = zip(*(x.tensor_split(n, dim=-2) for x in self.inputs), strict=True)
        share = self.share
        shares: Sequence[Tensor | float] = share.tensor_split(n, dim=-2) if isinstance(share, Tensor) else [share] * n
        if self.seen is None:
            seens: list[Tensor | None] = [None] * n
        else:
            parts = self.seen.tensor_split(n, dim=-2)
            seens = [part / part.sum(-2, keepdim=True).clamp_min(torch.finfo(part.dtype).tiny) for part in parts]
        return [Batch(*part) for part in zip(inputs, t, shares, seens, strict=True)]


def batches(
    rows: Rows, loss: Loss, *, batch_size: int, seed: int, epoch: int, k: int, dtype: torch.dtype
) -> Iterator[Batch]:
    """One epoch: every row once, in an order drawn from PCG64([seed, epoch]); the last batch may be smaller.

    A plain script draws the same order with `np.random.Generator(np.random.PCG64([seed, epoch])).permutation(n)`.
    """
    order = torch.from_numpy(np.random.Generator(np.random.PCG64([seed, epoch])).permutation(rows.n_rows))
    order = order.to(rows.y.device)
    n_numbers = sum(x.shape[-1] for x in rows.inputs) + loss.d_out
    n_block = max(1, N_BLOCK_NUMBERS // (n_numbers * batch_size)) * batch_size
    # the same room for every block: fresh memory for each costs more than the copy on a busy machine
    room = tuple(x.new_empty(min(n_block, rows.n_rows), x.shape[-1]) for x in rows.inputs)
    for part in order.split(n_block):
        block = rows.take(part, room=room)
        t = loss.spread(block.y).to(dtype)
        shares = _shares(block.weights, batch_size, k)
        seens = _shares(block.mask, batch_size, k)
        columns = zip(*(x.split(batch_size) for x in block.inputs), strict=True)
        for inputs, t_batch in zip(columns, t.split(batch_size), strict=True):
            yield Batch(inputs, t_batch, next(shares, 1 / len(t_batch)), next(seens, None))


def _shares(weights: Tensor | None, batch_size: int, k: int) -> Iterator[Tensor]:
    """Each batch's weights, summing to 1 for every member, as `(*k, batch, 1)`; nothing for no weights."""
    if weights is None:
        return
    for part in weights.split(batch_size):
        unit = part / part.sum(0, keepdim=True).clamp_min(torch.finfo(part.dtype).tiny)
        yield unit if k == 1 else unit.T.expand(k, -1).unsqueeze(-1)


def fold_rows_of(rows: Rows, folds: np.ndarray, *, members: np.ndarray, dtype: torch.dtype) -> tuple[Rows, Rows]:
    """Train and val rows of fold-members: member i is judged on fold `members[i]` alone and never learns from it.

    `folds` `(n_rows,)` names each row's fold, `members` `(k,)` each member's. The val rows come per member, padded to
    one length with rows of weight 0.
    """
    device = rows.y.device
    is_seen = torch.from_numpy(folds[:, None] != members[None, :]).to(device)  # (n_rows, k)
    mask = is_seen.to(dtype)
    weights = mask if rows.weights is None else mask * rows.weights
    train = replace(rows, weights=weights, mask=mask)
    places = [np.flatnonzero(folds == fold) for fold in members]
    longest = max(len(place) for place in places)
    padded = np.stack([np.pad(place, (0, longest - len(place))) for place in places])  # (k, longest)
    index = torch.from_numpy(padded).to(device)
    there = np.stack([np.arange(longest) < len(place) for place in places])
    val_weights = torch.from_numpy(there).to(device, dtype).T  # (longest, k)
    if rows.weights is not None:
        val_weights = val_weights * rows.weights.squeeze(-1)[index].T
    if len(members) == 1:
        index = index[0]
    return train, Rows(tuple(x[index] for x in rows.inputs), rows.y[index], val_weights)


def mean_loss(answers: Callable[[Inputs], Tensor], rows: Rows, *, loss: Loss) -> Tensor:
    """The loss of every member outside training, `(k,)`, weighted by the rows' weights; `answers` as a population's."""
    z = answers(rows.inputs)  # (k, n_rows, d_out)
    losses = loss.rows(z, rows.y)  # (k, n_rows)
    if rows.weights is None:
        return losses.mean(1)
    weights = rows.weights.T
    return (losses * weights).sum(1) / weights.sum(1).expand(len(z))
