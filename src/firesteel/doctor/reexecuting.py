"""A recorded loss as an expression of its parameters, so that it can be computed again with others, on copies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from firesteel.doctor.facts import Made, Param
from firesteel.doctor.lineage import in_order
from firesteel.doctor.shields import Failure, Shield

#: Operations of one loss, beyond which it is not computed again.
MOST_OPS = 20_000
#: Two computations of the same numbers may differ by so much of them (sums in another order).
TOLERANCE = 2e-3
#: Operations that draw random numbers each time.
RANDOM = frozenset(
    {
        "alpha_dropout", "bernoulli", "dropout", "dropout1d", "dropout2d", "dropout3d", "exponential",
        "feature_alpha_dropout", "feature_dropout", "gumbel_softmax", "multinomial", "normal", "poisson", "rand",
        "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "rrelu", "uniform",
    }
)  # fmt: skip
#: Of these, the running statistics go in second and third, and are changed.
_KEEPS_STATISTICS = {"batch_norm", "instance_norm"}

Value = torch.Tensor
#: What an operation gives instead of what it gave: (operation, what it gave, its first argument).
Swap = Callable[[Made, Value, Any], Value]


class CannotReplay(Exception):
    """A recorded step cannot be computed again; the text completes "not replayed because ..."."""


class _Quiet:
    is_paused = False


class Expression:
    """A loss whose leaves are parameters and data; `compute` evaluates it with other values of either."""

    def __init__(self, loss: Made, learns: Iterable[Param], *, given: Iterable[Made] = ()) -> None:
        """Of those `given` other values will be given: what is made of them is computed anew, as with parameters.

        Raises:
            CannotReplay: something that it needs was not kept.
        """
        self._learns = {id(param): param for param in learns}
        self._given = {id(one) for one in given}
        self._depends: dict[int, bool] = {}
        self.loss = loss
        everything = in_order(loss, most=MOST_OPS)
        if not everything:
            raise CannotReplay(f"its loss has more than {MOST_OPS:,} operations")
        for made in everything:
            self._depends[id(made)] = self._leads_to_param(made)
        if not self._depends[id(loss)]:
            raise CannotReplay("the loss reaches no parameter whose first values were kept")
        self.dependent = [
            made
            for made in everything
            if self._depends[id(made)] and made.op != "parameter" and id(made) not in self._given
        ]
        self.leaves = [made for made in everything if self._depends[id(made)] and made.op == "parameter"]
        self.params = [made.param for made in self.leaves if made.param is not None]
        self._data: dict[int, Value] = {}
        for made in self.dependent:
            if made.op == "multinomial":
                raise CannotReplay("the loss depends on samples of the net's own answers")
            if made.func is None and made.op != "part":
                raise CannotReplay(f"`{made.op}` on line {made.site.line} was not seen as one operation")
            for parent in made.parents:
                if not self._depends[id(parent)] or id(parent) in self._given:
                    self._data[id(parent)] = self._value_of(parent)
        self.is_random = any(made.op in RANDOM or _draws(made) for made in self.dependent)

    def _leads_to_param(self, made: Made) -> bool:
        if id(made) in self._given:
            return True
        if made.op == "parameter":
            return made.param is not None and id(made.param) in self._learns
        return any(self._depends.get(id(parent), False) for parent in made.parents)

    def depends(self, made: Made) -> bool:
        """It changes with the parameters."""
        return self._depends.get(id(made), False)

    def data_of(self, made: Made) -> Value:
        """The values of one that does not depend on the parameters, and goes into one that does."""
        return self._data[id(made)]

    def _value_of(self, made: Made) -> Value:
        """The values of what no parameter changes; computed from what it was made of where they were not kept."""
        if made.value is not None:
            return made.value
        if made.op == "parameter" and made.param is not None and made.param.initial is not None:
            return made.param.initial
        if made.func is None or made.op in RANDOM or not made.parents or made.requires_grad:
            if made.grad_node and made.op == "unknown":
                raise CannotReplay("a tensor of an earlier step, with its graph, goes into the loss")
            raise CannotReplay(f"a tensor of shape {made.shape} was too large to be kept")
        known: dict[int, Any] = {}
        for parent in made.parents:
            known[id(parent)] = self._value_of(parent)
        value: Value = _checked(made, _apply(made, known, is_recording=False))
        return value

    # ---- computing

    def compute(
        self, leaves: Mapping[int, Value], *, data: Mapping[int, Value] | None = None, swap: Swap | None = None
    ) -> Value:
        """The loss with other parameters (by id of each `Param`) and other data (by id of each `Made`).

        Gradients flow to the leaves. Random operations draw anew. The result of every operation goes through `swap`.

        Raises:
            CannotReplay: an operation gives something else than it gave.
        """
        result: Value = self.compute_all(leaves, data=data, swap=swap)[id(self.loss)]
        return result

    def compute_all(
        self, leaves: Mapping[int, Value], *, data: Mapping[int, Value] | None = None, swap: Swap | None = None
    ) -> dict[int, Any]:
        """What every operation gives, by id of each `Made`."""
        known: dict[int, Any] = {**self._data, **(data or {})}
        fixed = set(data or {})
        for made in self.leaves:
            if made.param is not None:
                known[id(made)] = leaves[id(made.param)]
        is_recording = torch.is_grad_enabled()
        for made in self.dependent:
            if id(made) in fixed:
                continue
            value = _checked(made, _apply(made, known, is_recording=is_recording))
            if swap is not None and isinstance(value, torch.Tensor):
                value = swap(made, value, known.get(id(made.args[0])) if made.args else None)
            known[id(made)] = value
        return known

    def check(self, leaves: Mapping[int, Value], expected: float) -> None:
        """Raises CannotReplay if the loss is another with the parameters with which it was recorded."""
        with torch.no_grad():
            found = float(self.compute(leaves).detach())
        room = 0.7 if self.is_random else TOLERANCE
        is_equal = abs(found - expected) <= room * max(abs(found), abs(expected), 1e-6)
        if not is_equal and not (found != found and expected != expected):
            raise CannotReplay(f"computed again from its record the first loss is {found:.4g}, not {expected:.4g}")


def _draws(made: Made) -> bool:
    """An operation that may drop some of its numbers inside."""
    if made.op == "multi_head_attention_forward":
        return bool(made.argument(13, "training", True)) and float(made.argument(10, "dropout_p", 0.0) or 0.0) > 0
    if made.op == "scaled_dot_product_attention":
        return float(made.argument(4, "dropout_p", 0.0) or 0.0) > 0
    return made.op in {"lstm", "gru", "rnn_tanh", "rnn_relu"} and any(
        isinstance(one, float) and one > 0 for one in made.args
    )


def _apply(made: Made, known: Mapping[int, Any], *, is_recording: bool) -> Any:
    """The operation on other values."""
    if made.op == "part":
        return known[id(made.args[0])][made.part]
    args = [_fetch(one, known) for one in made.args]
    kwargs = {name: _fetch(one, known) for name, one in made.kwargs.items() if name != "generator"}
    if made.is_in_place and args and isinstance(args[0], torch.Tensor):
        args[0] = args[0].clone()
    if made.op in _KEEPS_STATISTICS:
        args = [*args[:1], *(one.clone() if isinstance(one, torch.Tensor) else one for one in args[1:3]), *args[3:]]
    failures: dict[str, Failure] = {}
    result: Any = None
    func = made.func
    assert func is not None
    with (
        Shield(_Quiet(), failures, "replay"),
        torch.set_grad_enabled(is_recording and (made.requires_grad or _is_many(made))),
    ):
        result = func(*args, **kwargs)
    if failures:
        error = next(iter(failures.values())).error
        raise CannotReplay(f"`{made.op}` of line {made.site.line} cannot be computed again ({error[:100]})")
    return args[0] if made.is_in_place and made.op == "setitem" else result


def _is_many(made: Made) -> bool:
    """Of several results only the parts say whether they had gradients."""
    return made.dtype is None


def _fetch(arg: Any, known: Mapping[int, Any]) -> Any:
    if isinstance(arg, Made):
        return known[id(arg)]
    if isinstance(arg, tuple):
        if arg and arg[0] == "many" and isinstance(arg[0], str):
            raise CannotReplay("an operation on more than 64 tensors at once was not kept whole")
        return tuple(_fetch(one, known) for one in arg)
    if isinstance(arg, str) and arg.startswith("<"):
        raise CannotReplay(f"an argument of the kind {arg} was not kept")
    return arg


def _checked(made: Made, value: Any) -> Any:
    if isinstance(value, torch.Tensor) and made.dtype is not None and tuple(value.shape) != made.shape:
        shapes = f"{tuple(value.shape)}, not {made.shape}"
        raise CannotReplay(f"`{made.op}` of line {made.site.line} gives the shape {shapes}, when computed again")
    if not isinstance(value, torch.Tensor | tuple | list):
        raise CannotReplay(f"`{made.op}` of line {made.site.line} leaves PyTorch")
    return value
