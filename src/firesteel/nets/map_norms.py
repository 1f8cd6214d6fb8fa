"""BatchNorm2d: every channel brought to mean 0 and spread 1 over all rows and places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from firesteel.nets.layer import Context, NumpyLines, Param, Slot, Step
from firesteel.nets.maps import MapLayer, Shape, as_maps, as_rows
from firesteel.nets.norms import BatchNorm1d, load_norm

_gradients: Any = torch.ops.aten.native_batch_norm_backward


@dataclass(frozen=True)
class BatchNorm2d(MapLayer):
    """Each channel by its mean and variance over the batch; outside training by their running averages.

    Rows of weight 0 (a fold-member's val rows) take no part in a member's means. Source: arXiv 1502.03167.
    """

    eps: float = 1e-5
    momentum: float = 0.1

    @property
    def shape_out(self) -> Shape:
        self._columns().d_out(self.checked[2])
        return self.checked

    def params(self, d_in: int) -> tuple[Param, ...]:
        return self._columns().params(self.checked[2])

    def state(self, d_in: int) -> tuple[Param, ...]:
        return self._columns().state(self.checked[2])

    def bind(self, slot: Slot) -> Step:
        return _BatchNorm2dStep(self, slot)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        channels, dtype = self.checked[2], values["weight"].dtype
        norm = nn.BatchNorm2d(channels, eps=self.eps, momentum=self.momentum, dtype=dtype)
        load_norm(norm, values)
        return norm

    def numpy_lines(self) -> NumpyLines:
        lines = self._columns().numpy_lines()
        return NumpyLines(
            f"n, x = len(x), x.reshape(-1, channels)\n{lines.forward}\ny = y.reshape(n, -1)",
            f"dy = dy.reshape(-1, channels)\n{lines.backward}\ndx = dx.reshape(n, -1)",
            {**lines.constants, "channels": self.checked[2]},
        )

    def _columns(self) -> BatchNorm1d:
        """The same over columns: a channel is a column of as many rows as there are rows and places."""
        return BatchNorm1d(self.eps, self.momentum)


class _BatchNorm2dStep(Step):
    """torch's kernel where all rows weigh alike and there is one member; BatchNorm1d over the places elsewhere."""

    def __init__(self, layer: BatchNorm2d, slot: Slot) -> None:
        self.layer, self.slot = layer, slot
        height, width, self.channels = self.shape = layer.checked
        self.n_places = height * width
        self.inner: Step | None = None
        self.context = Context()

    def forward(self, x: Tensor) -> Tensor:
        outer, lead = self.slot.context, x.shape[:-1]
        self.is_kernel = self.slot.k == 1 and outer.row_weights is None and x.shape[0] * self.n_places > 1
        if self.is_kernel:
            return as_rows(self._kernel(as_maps(x, self.shape), is_training=outer.is_training), lead)
        self.context.is_training = outer.is_training
        shares = outer.row_weights
        self.context.row_weights = None if shares is None else self._spread(shares)
        if self.inner is None:
            slot = replace(self.slot, batch=self.slot.batch * self.n_places, d_in=self.channels, context=self.context)
            self.inner = BatchNorm1d(self.layer.eps, self.layer.momentum).bind(slot)
        self.was = x.dtype
        return self.inner.forward(self._by_place(x)).view(*lead, -1).to(self.was)

    def backward(self, dy: Tensor) -> Tensor | None:
        if not self.is_kernel and self.inner is not None:
            dx = self.inner.backward(self._by_place(dy))
            return None if dx is None else dx.view(dy.shape).to(self.was)
        weights, grads, state = self.slot.weights, self.slot.grads, self.slot.state
        d_maps, d_weight, d_bias = _gradients(
            as_maps(dy, self.shape),
            self.maps,
            weights["weight"].view(-1),
            state["running_mean"].view(-1),
            state["running_var"].view(-1),
            *self.saved,
            self.is_training,
            self.layer.eps,
            (True, True, True),
        )
        grads["weight"].view(-1).copy_(d_weight)
        grads["bias"].view(-1).copy_(d_bias)
        return as_rows(d_maps, dy.shape[:-1])

    def _kernel(self, maps: Tensor, *, is_training: bool) -> Tensor:
        weights, state = self.slot.weights, self.slot.state
        self.maps, self.is_training = maps, is_training
        answer, *self.saved = torch.native_batch_norm(
            maps,
            weights["weight"].view(-1),
            weights["bias"].view(-1),
            state["running_mean"].view(-1),
            state["running_var"].view(-1),
            is_training,
            self.layer.momentum,
            self.layer.eps,
        )
        return answer

    def _by_place(self, rows: Tensor) -> Tensor:
        return rows.to(self.slot.dtype).reshape(*rows.shape[:-2], -1, self.channels)

    def _spread(self, shares: Tensor) -> Tensor:
        """Each row's share, parted over its places: `(*k, batch * n_places, 1)`."""
        return (shares / self.n_places).repeat_interleave(self.n_places, dim=-2)
