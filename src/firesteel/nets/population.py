"""A population: K members of one net in flat buffers, and the programs that run them on a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from firesteel.nets.containers import Branch, Net, Sequential, inside
from firesteel.nets.flat import Layout
from firesteel.nets.layer import Context, Slot, Step

#: Rows that one forward pass outside training takes at most, and numbers of its widest layer, so that its buffers stay
#: small.
N_CHUNK_ROWS = 1024
N_CHUNK_NUMBERS = 500_000

#: Batch sizes for which a population keeps its buffers; training needs four: a batch, a chunk, and the rest of each.
N_PROGRAMS = 8

Inputs = tuple[Tensor, ...]


class Program(ABC):
    """A population at work on batches of one size. What it returns is overwritten by its next call."""

    @abstractmethod
    def forward(self, inputs: Inputs) -> Tensor:
        """Logits or predictions `(*k, batch, d_out)`, without a graph."""

    @abstractmethod
    def backward(self, d_answer: Tensor) -> None:
        """Fills the population's `grads` from the gradient by the answer, which it may overwrite."""


class Population(ABC):
    """K members of one net: `weights`, `grads` and `state` are flat buffers, layers are views into them.

    Training changes the buffers in place.
    """

    #: True where gradients come from autograd (a user's own module).
    needs_autograd: ClassVar[bool] = False

    def __init__(self, net: Net, layout: Layout, state_layout: Layout, *, weights: Tensor, state: Tensor) -> None:
        self.net = net
        self.k = layout.k
        self.layout, self.state_layout = layout, state_layout
        self.weights, self.state = weights, state
        self.grads = torch.zeros_like(weights)
        self.context = Context()
        self._programs: dict[int, Program] = {}

    @abstractmethod
    def bind(self, batch: int) -> Program:
        """A program for this batch size."""

    @abstractmethod
    def pick(self, members: Sequence[int], net: Net | None = None) -> Population:
        """A population of these members only; `net` may name other dropout rates."""

    @abstractmethod
    def twin(self) -> Population:
        """The same weights in the same memory, with gradients, state and programs of its own: for another thread."""

    @abstractmethod
    def module(self, member: int) -> nn.Module:
        """One member as a plain torch module with weights of its own: `module(x_num, x_cat)`."""

    @abstractmethod
    def reseed(self, seed: int) -> None:
        """Called before every epoch, for what draws from elsewhere than the context's generators."""

    @property
    def n_chunk_rows(self) -> int:
        """Rows of one forward pass outside training."""
        widest = max(self.net.body.widths(self.net.d_dense))
        return max(1, min(N_CHUNK_ROWS, N_CHUNK_NUMBERS // widest))

    @property
    def n_params(self) -> int:
        """Trained numbers of one member."""
        return sum(self.layout.sizes)

    def set_dropout(self, rates: tuple[float, ...]) -> None:
        """Give every member its own dropout rate, in place of the one in the layers."""
        self.context.dropout = rates
        self._programs.clear()  # they were bound to the old rates

    def program(self, batch: int) -> Program:
        """The net bound for this batch size; bound once, then kept."""
        if batch not in self._programs:
            if len(self._programs) >= N_PROGRAMS:
                del self._programs[next(iter(self._programs))]
            self._programs[batch] = self.bind(batch)
        return self._programs[batch]

    def slot(self, batch: int, d_in: int, path: str, *, needs_dx: bool = False) -> Slot:
        """Where the layers under `path` are bound."""
        return Slot(
            self.k,
            batch,
            d_in,
            needs_dx,
            weights=inside(path, self.layout.views(self.weights)),
            grads=inside(path, self.layout.views(self.grads)),
            state=inside(path, self.state_layout.views(self.state)),
            context=self.context,
            dtype=self.weights.dtype,
            device=self.weights.device,
        )

    def prepare(self, x_num: Tensor, x_cat: Tensor) -> Inputs:
        """The raw columns after all fixed layers, `(n_rows, d)` each: neighbouring fixed branches as one tensor."""
        sources = {"num": x_num, "cat": x_cat}
        parts: list[Tensor] = []
        was_fixed = False
        for i, branch in enumerate(self.net.inputs.branches):
            n_fixed = branch.layers.n_fixed()
            x = sources[branch.source]
            fixed = Sequential(branch.layers.layers[:n_fixed])
            x = fixed.bind(self.slot(0, x.shape[1], f"inputs.{i}")).forward(x)
            is_fixed = _is_fixed(branch)
            if is_fixed:
                x = x.to(self.weights.dtype)
            if is_fixed and was_fixed:
                parts[-1] = torch.cat([parts[-1], x], dim=1)
            else:
                parts.append(x)
            was_fixed = is_fixed
        return tuple(part.contiguous() for part in parts)

    def answers(self, inputs: Inputs) -> Tensor:
        """What every member says outside training, `(k, n_rows, d_out)`; inputs as from `prepare`, or per member."""
        self.context.is_training = False
        with torch.inference_mode(not self.needs_autograd), torch.no_grad():
            return self._answers(inputs)

    def _answers(self, inputs: Inputs) -> Tensor:
        n_rows, n_chunk = inputs[0].shape[-2], self.n_chunk_rows
        parts = []
        for start in range(0, n_rows, n_chunk):
            chunk = tuple(x[..., start : start + n_chunk, :] for x in inputs)
            z = self.program(chunk[0].shape[-2]).forward(chunk)
            parts.append(z.view(self.k, *z.shape[-2:]).clone())
        return torch.cat(parts, dim=1)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` gave; the caller has checked names and shapes."""
        dtype, device = self.weights.dtype, self.weights.device
        self.weights.copy_(self.layout.gather(tensors, dtype=dtype, device=device))
        self.state.copy_(self.state_layout.gather(tensors, dtype=dtype, device=device))

    def tensors(self) -> dict[str, Tensor]:
        """All that must be saved: each param and state by path, `(k, *shape)`."""
        return {**self.layout.blocks(self.weights), **self.state_layout.blocks(self.state)}


class LayerPopulation(Population):
    """Members made of firesteel's own layers, with closed-form gradients."""

    def bind(self, batch: int) -> Program:
        return LayerProgram(self, batch)

    def reseed(self, seed: int) -> None:
        """Layers draw from the context's generators alone."""

    def pick(self, members: Sequence[int], net: Net | None = None) -> Population:
        layout = Layout(self.layout.params, len(members))
        state_layout = Layout(self.state_layout.params, len(members))
        weights, state = self.layout.pick(self.weights, members), self.state_layout.pick(self.state, members)
        return LayerPopulation(net or self.net, layout, state_layout, weights=weights, state=state)

    def twin(self) -> Population:
        return LayerPopulation(self.net, self.layout, self.state_layout, weights=self.weights, state=self.state.clone())

    def module(self, member: int) -> nn.Module:
        return self.net.module({path: block[member].clone() for path, block in self.tensors().items()})


class LayerProgram(Program):
    """Every layer bound for one batch size."""

    def __init__(self, population: LayerPopulation, batch: int) -> None:
        net = population.net
        branches = net.inputs.branches
        self.steps: list[Step | None] = []  # None: a fixed part, ready as it comes
        self.widths: list[int] = []
        for i, branch in enumerate(branches):
            width = branch.layers.d_out(net.d_ins[branch.source])
            if not _is_fixed(branch):
                slot = population.slot(batch, net.d_ins[branch.source], f"inputs.{i}")
                self.steps.append(branch.layers.bind(slot, start=branch.layers.n_fixed()))
                self.widths.append(width)
            elif i and _is_fixed(branches[i - 1]):
                self.widths[-1] += width
            else:
                self.steps.append(None)
                self.widths.append(width)
        self.is_learning = any(branch.layers.params(net.d_ins[branch.source]) for branch in branches)
        slot = population.slot(batch, net.d_dense, "body", needs_dx=self.is_learning)
        self.body = net.body.bind(slot)
        # one part that learns nothing is shared by all members as it is
        self.dense = slot.empty(batch, net.d_dense) if self.is_learning or len(self.steps) > 1 else None
        self.parts = () if self.dense is None else self.dense.split(self.widths, dim=-1)

    def forward(self, inputs: Inputs) -> Tensor:
        if self.dense is None:
            step = self.steps[0]
            return self.body.forward(inputs[0] if step is None else step.forward(inputs[0]))
        for x, step, part in zip(inputs, self.steps, self.parts, strict=True):
            part.copy_(x if step is None else step.forward(x))
        return self.body.forward(self.dense)

    def backward(self, d_answer: Tensor) -> None:
        d_dense = self.body.backward(d_answer)
        if d_dense is not None:
            for step, d_part in zip(self.steps, d_dense.split(self.widths, dim=-1), strict=True):
                if step is not None:
                    step.backward(d_part)


def start_population(
    net: Net, seeds: Sequence[int], *, fitted: Mapping[str, Tensor], dtype: torch.dtype, device: torch.device
) -> LayerPopulation:
    """A fresh population, one member per seed, with the state that `fit_state` found on the training rows."""
    layout, states = Layout(net.params(), len(seeds)), Layout(net.state(), len(seeds))
    weights = torch.from_numpy(layout.start(seeds)).to(device, dtype)
    blocks = states.blocks(torch.from_numpy(states.start(seeds)))
    blocks |= {path: value.expand(len(seeds), *value.shape) for path, value in fitted.items()}
    state = states.gather(blocks, dtype=dtype, device=device)
    return LayerPopulation(net, layout, states, weights=weights, state=state)


def empty_population(net: Net, *, k: int, dtype: torch.dtype, device: torch.device) -> LayerPopulation:
    """A population of zeros, to be filled by `load`."""
    layout, states = Layout(net.params(), k), Layout(net.state(), k)
    weights = torch.zeros(layout.n_numbers, dtype=dtype, device=device)
    state = torch.zeros(states.n_numbers, dtype=dtype, device=device)
    return LayerPopulation(net, layout, states, weights=weights, state=state)


def fit_state(net: Net, *, x_num: Tensor, x_cat: Tensor) -> dict[str, Tensor]:
    """The state of all fixed layers, by path, fitted on these rows: training rows only."""
    sources = {"num": x_num, "cat": x_cat}
    fitted: dict[str, Tensor] = {}
    for i, branch in enumerate(net.inputs.branches):
        x = sources[branch.source]
        for j, layer in enumerate(branch.layers.layers[: branch.layers.n_fitted()]):
            values = layer.fit(x)
            fitted |= {f"inputs.{i}.{j}.{name}": value for name, value in values.items()}
            if layer.is_fixed:
                slot = Slot(1, 0, x.shape[1], False, {}, {}, values, Context(), x.dtype, x.device)
                x = layer.bind(slot).forward(x)
    return fitted


def _is_fixed(branch: Branch) -> bool:
    return branch.layers.n_fixed() == len(branch.layers.layers)
