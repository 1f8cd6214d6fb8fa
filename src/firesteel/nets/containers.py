"""Containers: Sequential, one layer after the other; Concat, branches of raw columns side by side; Net, both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from reprlib import repr as short
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from firesteel.errors import NetError
from firesteel.nets.columns import OneHot
from firesteel.nets.embeddings import Embedding
from firesteel.nets.layer import N_RECORD_MAX, Layer, NumpyLines, Param, Slot, Source, Step, layer_from_dict


def inside(name: str, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The values whose path starts with `name`, under the rest of their path."""
    start = f"{name}."
    return {path.removeprefix(start): value for path, value in values.items() if path.startswith(start)}


def under(name: str, params: tuple[Param, ...]) -> tuple[Param, ...]:
    return tuple(Param(f"{name}.{param.name}", param.shape, param.init) for param in params)


@dataclass(frozen=True)
class Sequential(Layer):
    """Layers one after the other; a param's path is its layer's place, then its name ("2.weight")."""

    layers: tuple[Layer, ...]

    def widths(self, d_in: int) -> list[int]:
        """The width before each layer, and after the last."""
        widths = [d_in]
        for layer in self.layers:
            widths.append(layer.d_out(widths[-1]))
        return widths

    def d_out(self, d_in: int) -> int:
        return self.widths(d_in)[-1]

    def params(self, d_in: int) -> tuple[Param, ...]:
        return sum((under(str(i), layer.params(d)) for i, (layer, d) in enumerate(self._with_widths(d_in))), ())

    def state(self, d_in: int) -> tuple[Param, ...]:
        return sum((under(str(i), layer.state(d)) for i, (layer, d) in enumerate(self._with_widths(d_in))), ())

    def bind(self, slot: Slot, start: int = 0) -> SequentialStep:
        """The step of the layers from `start` on; `slot.d_in` is the width before the first."""
        steps: list[Step] = []
        d_in, needs_dx = self.widths(slot.d_in)[start], slot.needs_dx
        for i, layer in enumerate(self.layers[start:], start):
            weights, grads = inside(str(i), slot.weights), inside(str(i), slot.grads)
            state = inside(str(i), slot.state)
            place = replace(slot, d_in=d_in, needs_dx=needs_dx, weights=weights, grads=grads, state=state)
            steps.append(layer.bind(place))
            needs_dx = needs_dx or bool(layer.params(d_in))
            d_in = layer.d_out(d_in)
        return SequentialStep(steps)

    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        pairs = enumerate(self._with_widths(d_in))
        return nn.Sequential(*(layer.module(d, inside(str(i), values)) for i, (layer, d) in pairs))

    def numpy_lines(self) -> NumpyLines:
        lines = [layer.numpy_lines() for layer in self.layers]
        forward = "\n".join(f"{line.forward}\nx = y" for line in lines)
        backward = "\n".join(f"{line.backward}\ndy = dx" for line in reversed(lines))
        return NumpyLines(forward, backward)

    def n_fitted(self) -> int:
        """How many leading layers are fitted on training rows before training."""
        return next((i for i, layer in enumerate(self.layers) if not layer.is_fitted), len(self.layers))

    def n_fixed(self) -> int:
        """How many leading layers are fixed and so need to be run only once."""
        return next((i for i, layer in enumerate(self.layers) if not layer.is_fixed), len(self.layers))

    def _with_widths(self, d_in: int) -> list[tuple[Layer, int]]:
        return list(zip(self.layers, self.widths(d_in)[:-1], strict=True))


class SequentialStep(Step):
    """The steps in order, and back."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = steps
        self.back = steps[::-1]

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = step.forward(x)
        return x

    def backward(self, dy: Tensor) -> Tensor | None:
        gradient: Tensor | None = dy
        for step in self.back:
            gradient = step.backward(dy)
            if gradient is None:
                return None
            dy = gradient
        return gradient


@dataclass(frozen=True)
class Branch:
    """Layers over the raw columns of one source: "num" for `x_num`, "cat" for `x_cat`."""

    source: Source
    layers: Sequential


@dataclass(frozen=True)
class Concat:
    """Branches of `x_num` and `x_cat` side by side, in their order."""

    branches: tuple[Branch, ...]

    def d_out(self, d_ins: Mapping[str, int]) -> int:
        return sum(branch.layers.d_out(d_ins[branch.source]) for branch in self.branches)


@dataclass(frozen=True)
class Net:
    """From raw columns to logits (or predictions): the branches side by side, then the body.

    The paths of its params: "inputs.<branch>.<layer>.<name>" and "body.<layer>.<name>".
    """

    d_num: int
    d_cat: int
    inputs: Concat
    body: Sequential

    def __post_init__(self) -> None:
        if not self.inputs.branches:
            raise NetError(
                "a net reads at least one column", found="no branch", hint="--keep or --kind for a column left out"
            )
        for branch in self.inputs.branches:
            _check_order(branch.layers.layers, first=branch.source, n_fixed=branch.layers.n_fixed())
        _check_order(self.body.layers, first="num", n_fixed=0)
        self.body.d_out(self.d_dense)

    @property
    def d_ins(self) -> dict[str, int]:
        return {"num": self.d_num, "cat": self.d_cat}

    @property
    def d_dense(self) -> int:
        """The width of what the branches give the body."""
        return self.inputs.d_out(self.d_ins)

    @property
    def d_out(self) -> int:
        return self.body.d_out(self.d_dense)

    def params(self) -> tuple[Param, ...]:
        """All that is trained, in the order in which start values are drawn."""
        return self._gather("params")

    def state(self) -> tuple[Param, ...]:
        """All that is kept but not trained."""
        return self._gather("state")

    def _gather(self, what: Literal["params", "state"]) -> tuple[Param, ...]:
        found: tuple[Param, ...] = ()
        for i, branch in enumerate(self.inputs.branches):
            found += under(f"inputs.{i}", getattr(branch.layers, what)(self.d_ins[branch.source]))
        return found + under("body", getattr(self.body, what)(self.d_dense))

    def read_levels(self) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        """The columns of `x_cat` that its layers read, with the number of codes that they expect of each."""
        layers = [layer for branch in self.inputs.branches for layer in branch.layers.layers]
        return [(layer.columns, layer.n_levels) for layer in layers if isinstance(layer, OneHot | Embedding)]

    def module(self, values: Mapping[str, Tensor]) -> nn.Module:
        """One member as a torch module: `module(x_num, x_cat)` gives `(batch, d_out)`."""
        return NetModule(self, values)

    def to_dict(self) -> dict[str, Any]:
        branches = [{"source": branch.source, "layers": branch.layers.to_dict()} for branch in self.inputs.branches]
        return {"d_num": self.d_num, "d_cat": self.d_cat, "inputs": branches, "body": self.body.to_dict()}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Net:
        """Raises NetError for what `to_dict` does not write."""
        try:
            branches = tuple(_branch(part) for part in record["inputs"])
            widths = _whole(record["d_num"]), _whole(record["d_cat"])
            return cls(*widths, Concat(branches), _sequential(record["body"]))
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            raise NetError(
                "a net is what fit wrote",
                found=f"{type(error).__name__}: {error}",
                hint="the model.json that fit wrote",
            ) from None


class NetModule(nn.Module):
    """A net in plain PyTorch, preprocessing included."""

    def __init__(self, net: Net, values: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.sources = [branch.source for branch in net.inputs.branches]
        self.inputs = nn.ModuleList(
            branch.layers.module(net.d_ins[branch.source], inside(f"inputs.{i}", values))
            for i, branch in enumerate(net.inputs.branches)
        )
        self.body = net.body.module(net.d_dense, inside("body", values))

    def forward(self, x_num: Tensor, x_cat: Tensor) -> Tensor:
        """Logits or predictions `(batch, d_out)` from `(batch, d_num)` numbers and `(batch, d_cat)` codes."""
        parts = [
            branch(x_num if source == "num" else x_cat)
            for source, branch in zip(self.sources, self.inputs, strict=True)
        ]
        if x_num.is_floating_point():
            parts = [part.to(x_num.dtype) for part in parts]
        answer: Tensor = self.body(torch.cat(parts, dim=1))
        return answer if answer.dim() == 2 else answer.reshape(-1, 1)  # a user's own body may give (batch,)


def _check_order(layers: Sequence[Layer], *, first: Source, n_fixed: int) -> None:
    """Raises NetError unless each layer can read what stands before it, and fixed ones are where they run once."""
    for i, layer in enumerate(layers):
        source = first if i == 0 else "num"
        if isinstance(layer, Sequential) and layer.layers:
            _check_order(layer.layers, first=source, n_fixed=0)
        elif isinstance(layer, Sequential) or layer.reads != source or (layer.is_fixed and i >= n_fixed):
            raise NetError(
                "layers of codes stand first in a branch of x_cat, and fitted ones before those that learn",
                found=f"{short(layer)} stands elsewhere",
                hint="the model.json that fit wrote",
            )


def _branch(record: Any) -> Branch:
    if record["source"] not in get_args(Source):
        raise ValueError(f"a source is one of {', '.join(get_args(Source))}")
    return Branch(record["source"], _sequential(record["layers"]))


def _whole(number: object) -> int:
    if type(number) is not int or not 0 <= number < N_RECORD_MAX:
        raise ValueError("a width is a whole number")
    return number


def _sequential(record: object) -> Sequential:
    layer = layer_from_dict(record)
    if not isinstance(layer, Sequential):
        raise TypeError(f"Sequential expected, {type(layer).__name__} found")
    return layer
