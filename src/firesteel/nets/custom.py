"""A user's own torch module as a population of one: autograd writes into the same flat buffers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from firesteel.errors import NetError
from firesteel.nets.containers import Net
from firesteel.nets.flat import Layout
from firesteel.nets.layer import Param, Step, zeros
from firesteel.nets.maps import as_maps
from firesteel.nets.pixels import Pixels
from firesteel.nets.population import Inputs, Population, Program

#: A module, or what makes one from `(d_in, d_out)`.
ModuleSource = nn.Module | Callable[[int, int], nn.Module]

#: Rows that a module is tried on: two numbers, so that no width can pass for the number of rows.
TRIAL_ROWS = (2, 3)

#: Layers that learn from the spread of a batch, and so nothing from a single row (torch refuses it).
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

#: The prefix of the module's own names among the population's.
PREFIX = "module."


def make_module(source: ModuleSource, *, net: Net, d_out: int) -> nn.Module:
    """The user's module, tried on a few rows. Raises NetError when it does not fit the columns or the target.

    `net` is what stands before it: columns come to it as `(batch, d_in)`, pictures as (batch, channels, height, width).
    """
    d_in = net.d_dense
    shape = _row_shape(net)
    module = copy.deepcopy(source) if isinstance(source, nn.Module) else _call(source, d_in, d_out)
    if not isinstance(module, nn.Module):
        raise NetError(
            "net= takes a torch.nn.Module, or a function of (d_in, d_out) that makes one",
            found=f"it gave a {type(module).__name__}",
            hint="net=lambda d_in, d_out: torch.nn.Linear(d_in, d_out)",
        )
    parameter = next((parameter for parameter in module.parameters() if parameter.requires_grad), None)
    if parameter is None:
        raise NetError(
            "a net has something to learn", found="no parameter asks for a gradient", hint="requires_grad_(True)"
        )
    was_training = module.training
    module.eval()  # nothing is learned from the trial, and no random number drawn
    for n_rows in TRIAL_ROWS:
        _try(module, torch.zeros(n_rows, *shape, dtype=parameter.dtype, device=parameter.device), d_out)
    return module.train(was_training)


def _call(source: Callable[[int, int], nn.Module], d_in: int, d_out: int) -> nn.Module:
    try:
        return source(d_in, d_out)
    except TypeError as error:
        raise _misfit(d_in, d_out, f"calling it with ({d_in}, {d_out}) fails: {error}") from error


def _try(module: nn.Module, x: Tensor, d_out: int) -> None:
    n_rows, d_in = len(x), x[0].numel()
    try:
        answer = module(x)
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError, AssertionError) as error:
        raise _misfit(d_in, d_out, f"it fails on {_spoken(x)}: {error}") from error
    shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
    if shape != (n_rows, d_out) and not (d_out == 1 and shape == (n_rows,)):
        raise _misfit(d_in, d_out, f"{n_rows} rows give {shape}")
    if not answer.requires_grad:
        raise _misfit(d_in, d_out, "no gradient leads from its answer back to its parameters")


def _misfit(d_in: int, d_out: int, found: str) -> NetError:
    return NetError(
        f"your net must turn (batch, {d_in}) into (batch, {d_out}) logits or predictions",
        found=found,
        hint=f"a net with {d_in} inputs and {d_out} outputs, or net=lambda d_in, d_out: ... that is told both",
    )


def _spoken(x: Tensor) -> str:
    if x.dim() == 2:
        return f"{len(x)} rows"
    return f"{len(x)} pictures (batch, channels, height, width) = {tuple(x.shape)}"


def source_words(source: ModuleSource | None) -> str:
    """The name of an own net's class or function, and the shapes of its parameters; nothing for none."""
    if isinstance(source, nn.Module):
        shapes = {
            name: None if isinstance(param, nn.UninitializedParameter) else tuple(param.shape)
            for name, param in source.named_parameters()
        }
        return f"{type(source).__qualname__} {shapes}"
    return "" if source is None else getattr(source, "__qualname__", type(source).__qualname__)


class ModulePopulation(Population):
    """One member: firesteel's fixed input layers, then the user's module on their `(batch, d_in)`.

    The module's parameters become views into the flat buffers; `make_module` gave a copy, so that no later fit changes
    this one. `fitted` is the state of the input layers, as `fit_state` gives it; without it they wait for `load`.
    """

    needs_autograd: ClassVar[bool] = True

    def __init__(
        self, net: Net, module: nn.Module, *, fitted: Mapping[str, Tensor], dtype: torch.dtype, device: torch.device
    ) -> None:
        self.user_module = module.to(device, dtype)
        self.trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
        kept: dict[str, Tensor] = {name: p for name, p in module.named_parameters() if not p.requires_grad}
        kept |= {name: buffer for name, buffer in module.named_buffers() if buffer.is_floating_point()}
        layout = Layout(_params(self.trained), 1)
        state_layout = Layout(net.state() + _params(kept), 1)
        weights = layout.gather(_named(self.trained), dtype=dtype, device=device)
        unfitted = {param.name: torch.zeros(1, *param.shape) for param in net.state()}
        values = {**unfitted, **{name: value.unsqueeze(0) for name, value in fitted.items()}, **_named(kept)}
        state = state_layout.gather(values, dtype=dtype, device=device)
        super().__init__(net, layout, state_layout, weights=weights, state=state)
        weight_views, state_views = layout.views(weights), state_layout.views(state)
        for name, parameter in self.trained.items():
            parameter.data = weight_views[PREFIX + name]
        for name, tensor in kept.items():
            tensor.data = state_views[PREFIX + name]

    def bind(self, batch: int) -> Program:
        return ModuleProgram(self, batch)

    def pick(self, members: Sequence[int], net: Net | None = None) -> Population:
        return self

    def twin(self) -> Population:
        raise NotImplementedError("autograd has threads of its own; a user's module is trained by one crew member")

    def reseed(self, seed: int) -> None:
        torch.manual_seed(seed)  # a module's own dropout draws from torch's global generator

    def module(self, member: int) -> nn.Module:
        values = {path: block[0].clone() for path, block in self.state_layout.blocks(self.state).items()}
        whole = self.net.module(values)
        whole.body = copy.deepcopy(self.user_module)
        return whole


class ModuleProgram(Program):
    """The user's module on dense inputs, and autograd back.

    Autograd makes its own gradients, which are then copied side by side: adding them to the flat buffer, as it does
    where a gradient is there already, takes a sixth longer for 784-128-64-10 at batch 64.
    """

    def __init__(self, population: ModulePopulation, batch: int) -> None:
        self.population = population
        self.trained = list(population.trained.values())
        pixels = _pixels_of(population.net)
        self.pixels: Step | None = None
        if pixels is not None:
            self.shape = pixels.checked
            self.pixels = pixels.bind(population.slot(batch, population.net.d_num, "inputs.0.0"))
        self.norms = [part for part in population.user_module.modules() if isinstance(part, BATCH_NORMS)]

    def forward(self, inputs: Inputs) -> Tensor:
        module, is_training = self.population.user_module, self.population.context.is_training
        if module.training != is_training:
            module.train(is_training)
        for norm in self.norms:
            norm.train(is_training and len(inputs[0]) > 1)
        x = inputs[0]
        if self.pixels is not None:
            x = as_maps(self.pixels.forward(x), self.shape).clone()  # autograd keeps it for the way back
        self.z = module(x)
        answer: Tensor = self.z.detach()
        return answer if answer.dim() == 2 else answer.view(-1, 1)

    def backward(self, d_answer: Tensor) -> None:
        for parameter in self.trained:
            parameter.grad = None
        self.z.backward(d_answer.view(self.z.shape))
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.trained]
        torch.cat([grad.reshape(-1) for grad in grads], out=self.population.grads)


def _params(tensors: Mapping[str, Tensor]) -> tuple[Param, ...]:
    return tuple(Param(PREFIX + name, tuple(tensor.shape), zeros) for name, tensor in tensors.items())


def _named(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {PREFIX + name: tensor.detach().unsqueeze(0) for name, tensor in tensors.items()}


def _pixels_of(net: Net) -> Pixels | None:
    """The layer that reads pictures, where there is one."""
    layers = net.inputs.branches[0].layers.layers
    return layers[0] if layers and isinstance(layers[0], Pixels) else None


def _row_shape(net: Net) -> tuple[int, ...]:
    """What one row is for a user's module."""
    pixels = _pixels_of(net)
    if pixels is None:
        return (net.d_dense,)
    height, width, channels = pixels.checked
    return channels, height, width
