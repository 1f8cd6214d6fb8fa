"""Layers that bring values to mean 0 and spread 1: BatchNorm1d over the rows, LayerNorm over the columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from firesteel.errors import NetError
from firesteel.nets.layer import Layer, NumpyLines, Param, Slot, Step, ones, zeros


@dataclass(frozen=True)
class _Norm(Layer):
    eps: float = 1e-5

    def d_out(self, d_in: int) -> int:
        if not self.eps > 0:
            raise NetError("eps keeps a division from 0", found=f"eps = {self.eps}", hint="eps = 1e-5")
        return d_in

    def params(self, d_in: int) -> tuple[Param, ...]:
        return Param("weight", (1, d_in), ones), Param("bias", (1, d_in), zeros)


@dataclass(frozen=True)
class BatchNorm1d(_Norm):
    """Each column by the mean and variance of the batch; outside training by their running averages.

    Rows of weight 0 (a fold-member's val rows) take no part in a member's means. Source: arXiv 1502.03167.
    """

    momentum: float = 0.1

    def state(self, d_in: int) -> tuple[Param, ...]:
        return Param("running_mean", (1, d_in), zeros), Param("running_var", (1, d_in), ones)

    def bind(self, slot: Slot) -> Step:
        return _BatchNormStep(slot, self.eps, self.momentum)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        norm = nn.BatchNorm1d(d_in, eps=self.eps, momentum=self.momentum, dtype=values["weight"].dtype)
        load_norm(norm, values)
        return norm

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "unit = (x - running_mean) / np.sqrt(running_var + eps)\ny = unit * weight + bias",
            "d_weight = (dy * unit).sum(0, keepdims=True)\nd_bias = dy.sum(0, keepdims=True)\n"
            "dx = dy * weight / np.sqrt(running_var + eps)",
            {"eps": self.eps},
        )


class _NormStep(Step):
    """y = unit * weight + bias, where `unit` is what a child makes of x."""

    def __init__(self, slot: Slot, eps: float) -> None:
        self.eps = eps
        self.weight, self.bias = slot.weights["weight"], slot.weights["bias"]
        self.d_weight, self.d_bias = slot.grads["weight"], slot.grads["bias"]
        self.needs_dx = slot.needs_dx
        self.y = slot.empty(slot.batch, slot.d_in)
        self.product = torch.empty_like(self.y)

    def scale(self, unit: Tensor) -> Tensor:
        self.unit = unit
        return torch.mul(unit, self.weight, out=self.y).add_(self.bias)

    def fill_grads(self, dy: Tensor) -> Tensor:
        """The layer's own gradients; returns the gradient by `unit`, in place of `dy`."""
        torch.mul(dy, self.unit, out=self.product)
        torch.sum(self.product, -2, keepdim=True, out=self.d_weight)
        torch.sum(dy, -2, keepdim=True, out=self.d_bias)
        return dy.mul_(self.weight)


class _BatchNormStep(_NormStep):
    def __init__(self, slot: Slot, eps: float, momentum: float) -> None:
        super().__init__(slot, eps)
        self.momentum = momentum
        self.context = slot.context
        self.running_mean, self.running_var = slot.state["running_mean"], slot.state["running_var"]

    def forward(self, x: Tensor) -> Tensor:
        self.is_batch = self.context.is_training
        if self.is_batch:
            shares = self.context.row_weights
            self.shares = shares if shares is not None else x.new_full((x.shape[-2], 1), 1 / x.shape[-2])
            mean = (x * self.shares).sum(-2, keepdim=True)  # (*k, 1, d)
            centred = x - mean
            var = (centred * centred * self.shares).sum(-2, keepdim=True)
            self._keep_running(mean, var)
            if shares is not None:  # a batch of a member's val rows alone: without this they would grow by 1 / eps
                is_seen = shares.sum(-2, keepdim=True) > 0
                centred = torch.where(is_seen, centred, x - self.running_mean)
                var = torch.where(is_seen, var, self.running_var)
        else:
            centred, var = x - self.running_mean, self.running_var
        self.spread = torch.sqrt(var + self.eps)
        return self.scale(centred / self.spread)

    def backward(self, dy: Tensor) -> Tensor | None:
        d_unit = self.fill_grads(dy)
        if not self.needs_dx:
            return None
        if self.is_batch:  # the mean and the spread depend on every row
            along = (d_unit * self.unit).sum(-2, keepdim=True)
            d_unit = d_unit - (d_unit.sum(-2, keepdim=True) + self.unit * along) * self.shares
        return d_unit / self.spread

    def _keep_running(self, mean: Tensor, var: Tensor) -> None:
        """As torch does, with the unbiased variance; a batch with one weighing row or none says nothing of variance."""
        n = 1 / self.shares.square().sum(-2, keepdim=True)  # rows that weigh, for equal weights; inf for none
        is_enough = (n > 1.5) & torch.isfinite(n)
        rate = torch.where(is_enough, self.momentum, 0.0)
        self.running_mean.lerp_(mean, rate.expand_as(mean).to(mean.dtype))
        unbiased = var * torch.where(is_enough, n / (n - 1).clamp_min(0.5), 1.0)
        self.running_var.lerp_(unbiased, rate.expand_as(var).to(var.dtype))


@dataclass(frozen=True)
class LayerNorm(_Norm):
    """Each row by its own mean and variance. Source: arXiv 1607.06450."""

    def bind(self, slot: Slot) -> Step:
        return _LayerNormStep(slot, self.eps)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        norm = nn.LayerNorm(d_in, eps=self.eps, dtype=values["weight"].dtype)
        load_norm(norm, values)
        return norm

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "centred = x - x.mean(1, keepdims=True)\n"
            "spread = np.sqrt((centred**2).mean(1, keepdims=True) + eps)\n"
            "unit = centred / spread\ny = unit * weight + bias",
            "d_weight = (dy * unit).sum(0, keepdims=True)\nd_bias = dy.sum(0, keepdims=True)\nd_unit = dy * weight\n"
            "along = (d_unit * unit).mean(1, keepdims=True)\n"
            "dx = (d_unit - d_unit.mean(1, keepdims=True) - unit * along) / spread",
            {"eps": self.eps},
        )


class _LayerNormStep(_NormStep):
    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        self.spread = torch.sqrt(centred.square().mean(-1, keepdim=True).add_(self.eps))
        return self.scale(centred.div_(self.spread))

    def backward(self, dy: Tensor) -> Tensor | None:
        d_unit = self.fill_grads(dy)
        if not self.needs_dx:
            return None
        along = (d_unit * self.unit).mean(-1, keepdim=True)
        return (d_unit - d_unit.mean(-1, keepdim=True) - self.unit * along).div_(self.spread)


def load_norm(norm: nn.Module, values: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, value in values.items():
            getattr(norm, name).copy_(value.view(-1))
