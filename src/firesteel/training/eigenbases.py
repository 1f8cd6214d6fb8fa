"""The axes along which the gradients of a matrix of weights come: what the optimizer soap turns them to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from firesteel.nets import Layout

#: What a running mean of outer products keeps at each step; how many steps the axes stay as they are.
#: Source: the defaults of the code that goes with arXiv 2409.11321 (github.com/nikhilvyas/SOAP).
KEPT, N_STEPS_BETWEEN = 0.95, 10

#: Of their mean strength so much is added to every axis: without it, rounding alone turns those along which no gradient
#: has come yet, and a population is no longer K single runs. Accuracy is the same from 0 to 1e-5.
RIDGE = 1e-6

#: Longer sides keep their own axes: the outer product of a side costs its length squared times the other side.
N_SIDE_MAX = 1024


@dataclass(frozen=True)
class Side:
    """The rows or the columns of one matrix of every member: `axes` `(k, d, d)` are the columns of a rotation."""

    outer: Tensor  # (k, d, d), the running mean of G G' for the rows, G' G for the columns
    axes: Tensor
    is_rows: bool

    def turn(self, x: Tensor) -> Tensor:
        """`x` `(k, rows, columns)` in these axes."""
        return self.axes.mT @ x if self.is_rows else x @ self.axes

    def turn_back(self, x: Tensor) -> Tensor:
        return self.axes @ x if self.is_rows else x @ self.axes.mT

    def watch(self, grad: Tensor) -> None:
        """Take one more gradient `(k, rows, columns)` into account."""
        new = grad @ grad.mT if self.is_rows else grad.mT @ grad
        self.outer.lerp_(new, 1 - KEPT)

    def renew(self, square: Tensor) -> None:
        """Bring the axes nearer to the eigenvectors of `outer`, largest first: one step of orthogonal iteration.

        `square`, what Adam remembers along the axes, is put into the same order in place.
        """
        strength = ((self.outer @ self.axes) * self.axes).sum(-2)  # (k, d), along each axis
        order = strength.argsort(dim=-1, descending=True, stable=True)
        sorted_axes = self.axes.gather(-1, order.unsqueeze(-2).expand_as(self.axes))
        place = order.unsqueeze(-1) if self.is_rows else order.unsqueeze(-2)
        square.copy_(square.gather(-2 if self.is_rows else -1, place.expand_as(square)))
        floor = RIDGE * strength.mean(-1).view(-1, 1, 1)
        self.axes.copy_(torch.linalg.qr(self.outer @ sorted_axes + floor * sorted_axes).Q)


@dataclass(frozen=True)
class Turned:
    """One param of all members as matrices: its first dimension by all others, where it has several of both."""

    start: int  # where its block begins in a flat buffer
    shape: tuple[int, int, int]  # (k, rows, columns)
    sides: tuple[Side, ...]

    def view(self, buffer: Tensor) -> Tensor:
        k, rows, columns = self.shape
        return buffer[self.start : self.start + k * rows * columns].view(self.shape)


def find_turned(layout: Layout, memory: dict[str, Tensor], like: Tensor) -> Iterator[Turned]:
    """Each param with a side that is turned, its tensors put into `memory`; biases and other single rows have none."""
    start = 0
    for param, size in zip(layout.params, layout.sizes, strict=True):
        rows = param.shape[0] if param.shape else 1
        columns = size // max(1, rows)
        sides = []
        if rows > 1 and len(param.shape) > 1:
            for is_rows, d in ((True, rows), (False, columns)):
                if 1 < d <= N_SIDE_MAX:
                    name = f"{'rows' if is_rows else 'columns'}.{param.name}"
                    memory[f"outer.{name}"] = outer = like.new_zeros(layout.k, d, d)
                    own = torch.eye(d, dtype=like.dtype, device=like.device)
                    memory[f"axes.{name}"] = axes = own.repeat(layout.k, 1, 1)
                    sides.append(Side(outer, axes, is_rows))
        if sides:
            yield Turned(start, (layout.k, rows, columns), tuple(sides))
        start += layout.k * size
