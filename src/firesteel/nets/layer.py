"""What a layer is: one frozen description, and the step that carries it out for a whole population.

A layer is written once and says four things that must agree (`tests/contract/test_layers.py` holds them together):
`bind` gives the step with the forward pass and the closed-form gradient, `module` the `torch.nn` module it stands for,
`numpy_lines` the NumPy lines that say the same.

Shapes: `*k` stands for `(k,)` in a population and for nothing when k = 1, so that a single net works on plain
2-D matrices. Rows are the last dimension but one, columns the last: `(*k, batch, d)`. An input shared by all members
is `(batch, d)`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from inspect import isabstract
from reprlib import repr as short
from typing import Any, ClassVar, Literal, get_args, get_origin, get_type_hints

import numpy as np
import torch
from torch import Tensor, nn

from firesteel.errors import NetError

#: Which raw columns a layer can read first: numbers (`x_num`) or codes (`x_cat`).
Source = Literal["num", "cat"]

#: Numbers of a layer's record lie below this, so that no record can ask for what no machine holds.
N_RECORD_MAX = 2**31

#: Draws the start values of one parameter of one member.
Init = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


@dataclass(frozen=True)
class Param:
    """One array of a layer: trained, or (as state) fitted on training rows or kept by the layer itself."""

    name: str
    shape: tuple[int, ...]
    init: Init


@dataclass
class Context:
    """What changes from step to step and every layer may read; one for a whole program."""

    is_training: bool = False
    row_weights: Tensor | None = None  # (*k, batch, 1), summing to 1 over the rows; None = all rows alike
    dropout: tuple[float, ...] | None = None  # per member; None = as the layer says
    generators: tuple[np.random.PCG64, ...] = ()  # per member, for dropout
    precision: torch.dtype | None = None  # of feature maps in training; None = as the weights

    def dtype_of_maps(self, dtype: torch.dtype) -> torch.dtype:
        """What layers over feature maps compute in, where the weights are `dtype`; outside training always that."""
        return self.precision if self.is_training and self.precision is not None else dtype


@dataclass(frozen=True)
class Slot:
    """Where a layer is bound: the sizes, and its views into the flat buffers of the population."""

    k: int
    batch: int
    d_in: int
    needs_dx: bool
    weights: Mapping[str, Tensor]
    grads: Mapping[str, Tensor]
    state: Mapping[str, Tensor]
    context: Context
    dtype: torch.dtype
    device: torch.device

    @property
    def lead(self) -> tuple[int, ...]:
        """The leading dimension of every per-member tensor: `(k,)`, or nothing for a single net."""
        return () if self.k == 1 else (self.k,)

    def empty(self, *shape: int) -> Tensor:
        """A buffer `(*k, *shape)` that the step owns and overwrites at every call."""
        return torch.empty(*self.lead, *shape, dtype=self.dtype, device=self.device)


class Step(ABC):
    """A layer at work on preallocated buffers. What it returns is overwritten by its next call."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """`(*k, batch, d_out)` from `(*k, batch, d_in)` or a shared `(batch, d_in)`."""

    @abstractmethod
    def backward(self, dy: Tensor) -> Tensor | None:
        """The gradient by x from the gradient by y, filling the layer's own gradients; may overwrite `dy`.

        `None` when nothing below learns (`needs_dx` is false).
        """


@dataclass(frozen=True)
class NumpyLines:
    """The layer in NumPy for one member: `y` from `x`, then `dx` and `d_<param>` from `dy`; one name per param."""

    forward: str
    backward: str
    #: Values that the lines name beside x, dy and the layer's params (a slope, a width, the levels).
    constants: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Layer(ABC):
    """One layer as data. Its fields are its whole description; weights live in the flat buffers."""

    registry: ClassVar[dict[str, type[Layer]]] = {}
    #: True for layers that are fitted, not trained, and answer for any number of rows: they run once, before training.
    is_fixed: ClassVar[bool] = False
    #: True for layers with a state that is fitted on training rows before training; fixed ones are.
    is_fitted: ClassVar[bool] = False
    #: What its input holds.
    reads: ClassVar[Source] = "num"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Layer.registry[cls.__name__] = cls

    @abstractmethod
    def d_out(self, d_in: int) -> int:
        """The width of the answer. Raises NetError when `d_in` does not fit."""

    @abstractmethod
    def bind(self, slot: Slot) -> Step:
        """The step that carries the layer out."""

    @abstractmethod
    def module(self, d_in: int, values: Mapping[str, Tensor]) -> nn.Module:
        """The torch module it stands for, holding one member's `values` (params and state, by name)."""

    @abstractmethod
    def numpy_lines(self) -> NumpyLines:
        """The same in NumPy (evaluation mode for the forward of layers that differ in training)."""

    def params(self, d_in: int) -> tuple[Param, ...]:
        """What is trained, in the order in which start values are drawn."""
        return ()

    def state(self, d_in: int) -> tuple[Param, ...]:
        """What is kept but not trained."""
        return ()

    def fit(self, x: Tensor) -> dict[str, Tensor]:
        """The state as fitted on training rows `(n_rows, d_in)`; only for layers that are fitted."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        return {"layer": type(self).__name__} | {f.name: _plain(getattr(self, f.name)) for f in fields(self)}


class Elementwise(Step):
    """A step that keeps the shape; it allocates its buffers at the first call, when it sees the shape."""

    def __init__(self) -> None:
        self.y = torch.empty(0)

    def buffer(self, x: Tensor) -> Tensor:
        if self.y.shape != x.shape or self.y.dtype != x.dtype:
            self.y = torch.empty_like(x, memory_format=torch.contiguous_format)
        return self.y


def layer_from_dict(record: object) -> Layer:
    """A layer from its `to_dict()`. Raises NetError for what no layer writes; runs no code of the record."""
    name = record.get("layer") if isinstance(record, dict) else None
    kind = Layer.registry.get(name) if isinstance(name, str) else None
    if not isinstance(record, dict) or kind is None or isabstract(kind):
        known = sorted(name for name, kind in Layer.registry.items() if not isabstract(kind))
        raise _misread(f"a layer is one of {', '.join(known)}", record)
    hints = get_type_hints(kind)
    needed = {f.name for f in fields(kind) if f.default is MISSING}  # a field that came later has its default
    if not {"layer", *needed} <= set(record) <= {"layer", *(f.name for f in fields(kind))}:
        raise _misread(f"{name} has the fields {', '.join(f.name for f in fields(kind)) or '(none)'}", record)
    values = {word: _parse(value) for word, value in record.items() if word != "layer"}
    for word, value in values.items():
        if not _is_a(value, hints[word]):
            raise _misread(f"{name}.{word} must be as fit wrote it", value)
    return kind(**values)


def zeros(_: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros(shape)


def ones(_: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.ones(shape)


def _is_a(value: Any, kind: Any) -> bool:
    """Whether a value is what a layer's field says: int, float, a word, a layer, or a tuple of one of these."""
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_is_a(item, get_args(kind)[0]) for item in value)
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if kind in (int, float):
        is_number = isinstance(value, int | kind) and not isinstance(value, bool)
        return is_number and abs(value) < N_RECORD_MAX  # neither inf nor nan
    return isinstance(value, kind)


def _misread(must: str, found: object) -> NetError:
    return NetError(must, found=f"{short(found)} was read", hint="the model.json that fit wrote")


def _plain(value: Any) -> Any:
    if isinstance(value, Layer):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _parse(value: Any) -> Any:
    if isinstance(value, dict):
        return layer_from_dict(value)
    if isinstance(value, list):
        return tuple(_parse(item) for item in value)
    return value
