"""Embedding: a learned vector for each level of a category. Periodic: learned sines of each number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from firesteel.errors import NetError
from firesteel.nets.columns import check_columns, check_levels
from firesteel.nets.layer import Layer, NumpyLines, Param, Slot, Source, Step, zeros


@dataclass(frozen=True)
class Embedding(Layer):
    """For each of the named columns of codes, the `width` learned numbers of its level; an unknown one starts at 0."""

    reads: ClassVar[Source] = "cat"

    columns: tuple[int, ...]
    n_levels: tuple[int, ...]  # codes of each column, 0 included
    width: int = 8

    def d_out(self, d_in: int) -> int:
        check_columns(self.columns, d_in)
        check_levels(self.columns, self.n_levels)
        if self.width < 1:
            raise NetError("an embedding is 1 wide or more", found=f"width {self.width}", hint="width 8")
        return len(self.columns) * self.width

    @property
    def starts(self) -> list[int]:
        """Where each column's levels start among all the vectors."""
        return [0, *accumulate(self.n_levels[:-1])]

    def params(self, d_in: int) -> tuple[Param, ...]:
        return (Param("weight", (sum(self.n_levels), self.width), self._draw),)

    def _draw(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        weight = generator.standard_normal(shape) / math.sqrt(self.width)
        weight[self.starts] = 0
        return weight

    def bind(self, slot: Slot) -> Step:
        return _EmbeddingStep(self, slot)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return _EmbeddingModule(self, values["weight"])

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "index = x[:, columns] + starts\ny = weight[index].reshape(len(x), -1)",
            "d_weight = np.zeros_like(weight)\nnp.add.at(d_weight, index, dy.reshape(*index.shape, -1))\ndx = None",
            {"columns": list(self.columns), "starts": self.starts},
        )


class _EmbeddingStep(Step):
    """All vectors of all members as one long list; `x` is shared `(batch, d)` or per member `(k, batch, d)`."""

    def __init__(self, layer: Embedding, slot: Slot) -> None:
        self.vectors = slot.weights["weight"].view(-1, layer.width)  # (k * n_levels, width)
        self.d_vectors = slot.grads["weight"].view(-1, layer.width)
        self.columns = torch.tensor(layer.columns, device=slot.device)
        member = torch.arange(slot.k, device=slot.device).view(*slot.lead, 1, 1)
        self.starts = torch.tensor(layer.starts, device=slot.device) + member * sum(layer.n_levels)
        self.shape = (*slot.lead, slot.batch, len(layer.columns) * layer.width)

    def forward(self, x: Tensor) -> Tensor:
        self.index = (x.index_select(-1, self.columns) + self.starts).view(-1)  # (k * batch * n_columns,)
        return self.vectors.index_select(0, self.index).view(self.shape)

    def backward(self, dy: Tensor) -> None:
        self.d_vectors.zero_().index_add_(0, self.index, dy.reshape(-1, self.d_vectors.shape[1]))


class _EmbeddingModule(nn.Module):
    def __init__(self, layer: Embedding, weight: Tensor) -> None:
        super().__init__()
        self.columns = list(layer.columns)
        self.register_buffer("starts", torch.tensor(layer.starts))
        self.vectors = nn.Embedding.from_pretrained(weight.clone(), freeze=False)

    def forward(self, x: Tensor) -> Tensor:
        vectors: Tensor = self.vectors(x[:, self.columns] + self.get_buffer("starts"))
        return vectors.flatten(1)


@dataclass(frozen=True)
class Periodic(Layer):
    """Each number beside `width - 1` learned mixtures of its cosines, so that the net can bend sharply along it.

    For column j: [x_j, cos(2 pi (x_j f_j + b_j)) W_j + c_j]. Source: PBLD embeddings, arXiv 2407.04491, section 3.
    """

    n_frequencies: int = 16
    width: int = 4
    sigma: float = 0.1  # spread of the start frequencies, the source's default

    def d_out(self, d_in: int) -> int:
        if self.width < 2 or self.n_frequencies < 1:
            raise NetError("a periodic embedding is 2 wide or more", found=f"{self.width}", hint="--periodic false")
        return d_in * self.width

    def params(self, d_in: int) -> tuple[Param, ...]:
        n, width = self.n_frequencies, self.width - 1

        def frequency(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
            return generator.standard_normal(shape) * self.sigma

        def phase(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
            return generator.uniform(-0.5, 0.5, shape)

        def mixture(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
            return generator.uniform(-1, 1, shape) / math.sqrt(n)

        return (
            Param("frequency", (d_in, 1, n), frequency),
            Param("phase", (d_in, 1, n), phase),
            Param("mixture", (d_in, n, width), mixture),
            Param("offset", (d_in, 1, width), zeros),
        )

    def bind(self, slot: Slot) -> Step:
        return _PeriodicStep(self, slot)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        return _PeriodicModule(values)

    def numpy_lines(self) -> NumpyLines:
        return NumpyLines(
            "angle = 2 * math.pi * (x.T[:, :, None] * frequency + phase)  # (d, n_rows, n_frequencies)\n"
            "mixed = np.cos(angle) @ mixture + offset  # (d, n_rows, width - 1)\n"
            "y = np.concatenate([x.T[:, :, None], mixed], 2).transpose(1, 0, 2).reshape(len(x), -1)",
            "d_all = dy.reshape(len(x), x.shape[1], -1).transpose(1, 0, 2)\n"
            "d_mixed = d_all[:, :, 1:]\n"
            "d_mixture = np.cos(angle).transpose(0, 2, 1) @ d_mixed\n"
            "d_offset = d_mixed.sum(1, keepdims=True)\n"
            "d_angle = -2 * math.pi * np.sin(angle) * (d_mixed @ mixture.transpose(0, 2, 1))\n"
            "d_frequency = (d_angle * x.T[:, :, None]).sum(1, keepdims=True)\n"
            "d_phase = d_angle.sum(1, keepdims=True)\n"
            "dx = (d_all[:, :, 0] + (d_angle * frequency).sum(2)).T",
        )


class _PeriodicStep(Step):
    """Works on (*k, d, batch, n): one small matrix product per column and member."""

    def __init__(self, layer: Periodic, slot: Slot) -> None:
        self.weights, self.grads = slot.weights, slot.grads
        self.needs_dx = slot.needs_dx
        self.d_in, self.width = slot.d_in, layer.width
        self.y = slot.empty(slot.batch, slot.d_in, layer.width)
        self.angle = slot.empty(slot.d_in, slot.batch, layer.n_frequencies)
        self.cosine = torch.empty_like(self.angle)
        self.merge = (-1, *self.angle.shape[-2:])

    def forward(self, x: Tensor) -> Tensor:
        self.x = x.transpose(-1, -2).unsqueeze(-1)  # (*k or nothing, d, batch, 1)
        weights = self.weights
        torch.mul(self.x, weights["frequency"], out=self.angle).add_(weights["phase"]).mul_(2 * math.pi)
        torch.cos(self.angle, out=self.cosine)
        mixed = torch.matmul(self.cosine, weights["mixture"]).add_(weights["offset"])  # (*k, d, batch, width - 1)
        self.y[..., 0] = x
        self.y[..., 1:] = mixed.transpose(-2, -3)
        return self.y.view(*self.y.shape[:-2], self.d_in * self.width)

    def backward(self, dy: Tensor) -> Tensor | None:
        d_all = dy.view(self.y.shape).transpose(-2, -3)  # (*k, d, batch, width)
        d_mixed = d_all[..., 1:].contiguous()
        torch.matmul(self.cosine.transpose(-1, -2), d_mixed, out=self.grads["mixture"])
        torch.sum(d_mixed, -2, keepdim=True, out=self.grads["offset"])
        d_angle = torch.matmul(d_mixed, self.weights["mixture"].transpose(-1, -2))
        d_angle.mul_(self.angle.sin_()).mul_(-2 * math.pi)
        torch.sum(d_angle, -2, keepdim=True, out=self.grads["phase"])
        torch.sum(d_angle * self.x, -2, keepdim=True, out=self.grads["frequency"])
        if not self.needs_dx:
            return None
        along = (d_angle * self.weights["frequency"]).sum(-1)  # (*k, d, batch)
        return (d_all[..., 0] + along).transpose(-1, -2)


class _PeriodicModule(nn.Module):
    def __init__(self, values: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name, value in values.items():
            self.register_parameter(name, nn.Parameter(value.clone()))

    def forward(self, x: Tensor) -> Tensor:
        columns = x.T.unsqueeze(-1)  # (d, batch, 1)
        angle = 2 * math.pi * (columns * self.get_parameter("frequency") + self.get_parameter("phase"))
        mixed = torch.cos(angle) @ self.get_parameter("mixture") + self.get_parameter("offset")
        return torch.cat([columns, mixed], dim=2).transpose(0, 1).flatten(1)
