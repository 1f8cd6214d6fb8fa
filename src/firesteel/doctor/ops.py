"""The operations of a stretch of the run, each with what went in, what came out and where: a torch function mode.

It is only on in stretches (see `schedule.py`), as it makes small steps half as slow again.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils._device import DeviceContext

from firesteel.doctor.facts import Loss, Made
from firesteel.doctor.rows import fingerprints, is_stretch, scrambled
from firesteel.doctor.sites import Site, find_callers, find_site
from firesteel.doctor.state import Watched

#: Values of up to so many numbers are kept; once the budget is spent, only very small ones.
KEPT_NUMBERS = 65_536
KEPT_OF_LEAVES = 1_000_000
KEPT_WHEN_SPENT = 1_024
BUDGET_NUMBERS = 50_000_000
#: Of larger tables the rows are fingerprinted, for so many numbers in all.
BUDGET_OF_TABLES = 500_000_000
#: Operations of one stretch, and of one run: beyond, nothing is recorded (a loop over single numbers, say).
MOST_OPS = 400_000
MOST_PARTS = 256
MOST_LISTED = 64

#: Properties that are more than a question.
_PROPERTIES = {"data", "T", "mT", "H", "real", "imag", "grad"}
#: Calls that make no tensor and change none.
_QUESTIONS = {
    "size", "dim", "numel", "stride", "is_floating_point", "is_complex", "is_contiguous", "data_ptr", "storage_offset",
    "element_size", "nelement", "get_device", "backward", "register_hook", "requires_grad_", "retain_grad", "__len__",
    "__repr__", "__format__", "__hash__", "_set_grad_enabled", "is_storage", "untyped_storage", "ndimension", "__dir__",
    "set_grad_enabled", "is_tensor", "is_same_size", "result_type", "can_cast", "__delete__", "is_inference",
}  # fmt: skip
#: What is taken out of a tensor: the result is no tensor, yet it is remembered where it came from.
_TAKEN_OUT = {"item", "tolist", "__float__", "__int__", "__bool__", "__index__"}
_LOSSES = {
    "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss",
    "smooth_l1_loss", "huber_loss", "kl_div", "poisson_nll_loss", "gaussian_nll_loss", "hinge_embedding_loss",
    "soft_margin_loss", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "ctc_loss",
    "cosine_embedding_loss", "margin_ranking_loss", "triplet_margin_loss", "triplet_margin_with_distance_loss",
    "linear_cross_entropy",
}  # fmt: skip
_CANONICAL = {"multiply": "mul", "subtract": "sub", "divide": "div", "true_divide": "div", "truediv": "div",
              "rtruediv": "rdiv", "negative": "neg", "absolute": "abs", "clip": "clamp", "_softmax": "softmax",
              "special_softmax": "softmax", "concat": "cat", "concatenate": "cat", "swapaxes": "transpose",
              "swapdims": "transpose", "moveaxis": "movedim", "greater": "gt", "less": "lt", "pow": "pow",
              "greater_equal": "ge", "less_equal": "le", "not_equal": "ne", "special_expit": "sigmoid",
              "t": "get_T", "hardtanh": "hardtanh", "array": "numpy", "rectify": "relu", "log_sigmoid": "logsigmoid",
              "_log_softmax": "log_softmax", "special_log_softmax": "log_softmax"}  # fmt: skip


def canonical(name: str) -> tuple[str, bool]:
    """The one name of an operation, and whether it changes its first argument in place."""
    if name.startswith("__") and name.endswith("__"):
        name = name[2:-2]
        if name == "setitem":
            return name, True
        if name.startswith("i") and name[1:] in ("add", "sub", "mul", "div", "truediv", "pow", "and", "or"):
            return _CANONICAL.get(name[1:], name[1:]), True
        return _CANONICAL.get(name, name), False
    if name.endswith("_") and not name.endswith("__") and name != "_":
        bare = name[:-1]
        return _CANONICAL.get(bare, bare), True
    return _CANONICAL.get(name, name), False


class Seeing(TorchFunctionMode):
    """Records operations while it is on. No number changes: the very function runs with the very arguments."""

    def __init__(self, watch: Watched) -> None:
        super().__init__()
        self._watch = watch
        self._made: dict[int, tuple[weakref.ref[Any], Made]] = {}
        self._n_kept = 0
        self._n_of_tables = 0
        self._n_ops = 0
        self._depth = 0  # of operations that run
        self._is_pushed = False
        self.is_on = False
        self.is_held = False

    # ---- on and off: at the bottom of the stack, so that the user's own modes come and go above it

    def turn_on(self) -> None:
        if self._n_ops < MOST_OPS:
            self.is_on = True
            self._settle()

    def turn_off(self) -> None:
        self.is_on = False
        self._settle()

    def step_aside(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Runs a function without the mode on the stack, so that it may be turned on and off in there."""
        was_on, self.is_on = self.is_on, False
        self._settle()
        self.is_on = was_on
        self._depth += 1
        try:
            return function(*args, **kwargs)
        finally:
            self._depth -= 1
            self._settle()

    def _settle(self) -> None:
        """Goes on the stack or from it. Not while an operation runs: for that time PyTorch has taken the mode off."""
        if self._depth or self.is_on == self._is_pushed:
            return
        above = [torch._C._pop_torch_function_stack() for _ in range(torch._C._len_torch_function_stack())]
        modes = [mode for mode in reversed(above) if mode is not self]
        if self.is_on:  # below all others, but for a default device, of which PyTorch asks to be the lowest
            modes.insert(sum(isinstance(one, DeviceContext) for one in modes[:1]), self)
        for mode in modes:
            torch._C._push_on_torch_function_stack(mode)
        self._is_pushed = self.is_on

    # ---- what is called for every operation

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        watch = self._watch
        if not self.is_on or self.is_held or watch.is_paused:
            return self._run(func, args, kwargs)
        name = getattr(func, "__name__", "")
        if name in ("__get__", "__set__"):
            attribute = getattr(getattr(func, "__self__", None), "__name__", "")
            if attribute not in _PROPERTIES or (name == "__set__" and attribute != "data"):
                return self._run(func, args, kwargs)
            name = f"{name.strip('_')}_{attribute}"
        elif name in _QUESTIONS:
            return self._run(func, args, kwargs)
        before = None
        with watch.shield("seeing an operation"):
            before = self._describe(args), {key: self._describe_one(value) for key, value in kwargs.items()}
        result = self._run(func, args, kwargs)
        if before is not None:
            with watch.shield("seeing an operation"):
                self._record(func, name, args, before, result, find_site(sys._getframe(1)))
        return result

    def _run(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._depth += 1
        try:
            return func(*args, **kwargs)
        finally:
            self._depth -= 1

    def record(self, func: Any, name: str, args: Any, result: Any, site: Site) -> None:
        """Records a call that came another way than through this mode."""
        self._record(func, name, args, (self._describe(args), {}), result, site)

    def _record(self, func: Any, name: str, args: Any, before: tuple[Any, Any], result: Any, site: Site) -> None:
        op, is_in_place = canonical(name)
        described, kwargs = before
        self._n_ops += 1
        if self._n_ops >= MOST_OPS:
            self.is_on = False  # PyTorch puts the mode back on the stack behind this operation: it leaves later
            self._watch.facts.notes.append(f"operations after the first {MOST_OPS:,} were not looked at")
        made = self._new(
            op, described, kwargs, site, func=func, is_in_place=is_in_place or kwargs.get("inplace") is True
        )
        if made.is_in_place and op == "setitem":
            result = args[0]
        self._watch.facts.ops.append(made)
        self.remember(result, made)
        if op in _LOSSES:
            self._note_loss(op, made)
        elif op == "getitem":
            self._note_table(args[0], described[0])

    def _note_table(self, table: Any, made: Any) -> None:
        """Fingerprints the rows of a table that is too large to be kept, when something is cut from it."""
        if not isinstance(table, torch.Tensor) or not isinstance(made, Made) or made.value is not None:
            return
        is_table = made.rows is None and table.dim() > 1 and not table.requires_grad
        if is_table and self._n_of_tables < BUDGET_OF_TABLES:
            self._n_of_tables += table.numel()
            made.rows = fingerprints(table)

    def _note_loss(self, op: str, made: Made) -> None:
        given, target = made.argument(0, "input"), made.argument(1, "target")
        if isinstance(given, Made):
            facts = self._watch.facts
            loss = Loss(
                made.at, op, made, given, target if isinstance(target, Made) else None, step=facts.n_steps,
                callers=find_callers(sys._getframe(3)),
            )  # fmt: skip
            facts.losses.append(loss)

    def _new(self, op: str, args: tuple[Any, ...], kwargs: dict[str, Any], site: Any, **more: Any) -> Made:
        watch = self._watch
        stack = watch.module_stack
        is_inside = len(stack) > 1 and not stack[-1].has_users_forward and not stack[-2].has_users_forward
        return Made(
            op=op, args=args, kwargs=kwargs, site=site, shape=(), dtype=None, requires_grad=False, at=watch.tick(),
            module=stack[-1] if stack else None, is_called_inside=is_inside, **more,
        )  # fmt: skip

    # ---- tensors and their records

    def made_of(self, tensor: Any) -> Made | None:
        """The record of a tensor or array, if it was seen being made."""
        entry = self._made.get(id(tensor))
        return entry[1] if entry is not None and entry[0]() is tensor else None

    def alive(self) -> Iterator[tuple[torch.Tensor, Made]]:
        """The tensors that were seen being made and are still there."""
        for ref, made in list(self._made.values()):
            tensor = ref()
            if isinstance(tensor, torch.Tensor):
                yield tensor, made

    def remember(self, result: Any, made: Made) -> None:
        """Binds a record to what came out; the parts of several results get a record each."""
        if isinstance(result, torch.Tensor):
            made.shape, made.dtype = tuple(result.shape), result.dtype
            made.requires_grad = result.requires_grad
            made.grad_node = _node_of(result)
            made.value = self._copy(result, KEPT_NUMBERS)
            if made.value is None and made.op == "relu" and _has_units(result):
                made.peaks = result.detach().movedim(1, 0).flatten(1).amax(1)
            self._bind(result, made)
        elif isinstance(result, np.ndarray):
            made.shape = tuple(result.shape)
            self._bind(result, made)
        elif isinstance(result, list | tuple) and len(result) <= MOST_PARTS:
            made.requires_grad = any(isinstance(part, torch.Tensor) and part.requires_grad for part in result)
            for i, part in enumerate(result):
                if isinstance(part, torch.Tensor | list | tuple):
                    one = self._new("part", (made,), {}, made.site)
                    one.part = i
                    self.remember(part, one)
        elif isinstance(result, float | int | bool) and made.op in ("item", "float", "int", "bool"):
            made.kwargs = {**made.kwargs, "result": result}

    def _bind(self, thing: Any, made: Made) -> None:
        if isinstance(thing, torch.Tensor) and _is_leaf(thing) and made.op != "parameter":
            if made.is_in_place:  # a weight is initialised or updated by hand: it stays the parameter that it is
                return
            made = self._leaf(thing, made)
        self._keep(thing, made)

    def _leaf(self, tensor: torch.Tensor, made: Made) -> Made:
        """A raw tensor that learns."""
        leaf = self._new("parameter", (made,), {}, made.site)
        leaf.param = self._watch.param_of(tensor)
        leaf.param.site = leaf.param.site or made.site
        leaf.shape, leaf.dtype, leaf.requires_grad = tuple(tensor.shape), tensor.dtype, True
        return leaf

    def _keep(self, thing: Any, made: Made) -> None:
        key, table = id(thing), self._made
        table[key] = (weakref.ref(thing, lambda ref: _forget(table, key, ref)), made)

    def describe(self, tensor: torch.Tensor) -> Made:
        """The record of a tensor; a new one of the kind parameter, buffer or unknown if nobody saw it being made."""
        if is_lazy(tensor):  # no numbers yet, not even a shape
            return self._new("parameter", (), {}, find_site(sys._getframe(2)))
        found = self.made_of(tensor)
        if found is not None and found.dtype is not None and found.shape != tuple(tensor.shape):
            found = None  # a batch of a worker: it was made empty and given its storage later
        if found is not None and (found.param is not None or found.requires_grad or not _is_leaf(tensor)):
            return found
        if found is not None:  # it was told to learn after it had been made
            leaf = self._leaf(tensor, found)
            self._keep(tensor, leaf)
            return leaf
        if _is_leaf(tensor):
            made = self._new("parameter", (), {}, find_site(sys._getframe(2)))
            made.param = self._watch.param_of(tensor)
        else:
            made = self._new("unknown", (), {}, find_site(sys._getframe(2)))
            made.value = self._copy(tensor, KEPT_OF_LEAVES)
        made.shape, made.dtype, made.requires_grad = tuple(tensor.shape), tensor.dtype, tensor.requires_grad
        made.grad_node = _node_of(tensor)
        self._bind(tensor, made)
        return made

    def describe_input(self, tensor: torch.Tensor) -> Made:
        """The record of what goes into a net; a batch of it is kept although it is larger than what is kept else."""
        made = self.describe(tensor)
        if made.value is None and not tensor.requires_grad:
            made.value = self._copy(tensor, KEPT_OF_LEAVES)
        return made

    def _describe(self, args: tuple[Any, ...] | list[Any]) -> tuple[Any, ...]:
        return tuple(self._describe_one(one) for one in args)

    def _describe_one(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return self.describe(value)
        if value is None or isinstance(value, int | float | str | bool | slice | torch.dtype | torch.device):
            return value
        if isinstance(value, list | tuple):
            if len(value) > MOST_LISTED:
                return ("many", len(value), *self._describe(value[:4]))
            return self._describe(value)
        if isinstance(value, np.ndarray):
            found = self.made_of(value)
            return found if found is not None else self._describe_array(value)
        return value if value is Ellipsis or isinstance(value, torch.Size) else f"<{type(value).__name__}>"

    def _describe_array(self, array: np.ndarray) -> Made:
        made = self._new("array", (), {}, find_site(sys._getframe(2)))
        made.shape, made.scrambles = tuple(array.shape), scrambled(array)
        if made.scrambles:
            self._watch.facts.ops.append(made)
        base = array.base
        if isinstance(base, np.ndarray) and is_stretch(array, base):
            found = self.made_of(base)
            made.args = (found if found is not None else self._describe_array(base),)
        if array.dtype.kind in "fiub" and array.size <= KEPT_OF_LEAVES:
            made.value = self._copy(torch.from_numpy(np.array(array, order="C")), KEPT_OF_LEAVES)
        self._bind(array, made)
        return made

    def _copy(self, tensor: torch.Tensor, most: int) -> torch.Tensor | None:
        n = tensor.numel()
        spent = self._n_kept > BUDGET_NUMBERS
        if n > (KEPT_WHEN_SPENT if spent else most) or tensor.layout is not torch.strided or tensor.is_meta:
            return None
        if _is_wrapped(tensor):
            return None
        self._n_kept += n
        return tensor.detach().clone()


def _has_units(tensor: torch.Tensor) -> bool:
    """A table or pictures: the second dimension is that of the units."""
    is_plain = tensor.layout is torch.strided and not tensor.is_meta and not _is_wrapped(tensor)
    return is_plain and tensor.dim() in (2, 4)


def _is_wrapped(tensor: torch.Tensor) -> bool:
    """Inside vmap or grad, where it is not a value of its own."""
    return torch._C._functorch.is_functorch_wrapped_tensor(tensor)


def _node_of(tensor: torch.Tensor) -> str:
    try:
        return type(tensor.grad_fn).__name__ if tensor.grad_fn is not None else ""
    except RuntimeError:  # a view made under no_grad of a leaf that was changed since: asking for its node is an error
        return ""


def _is_leaf(tensor: torch.Tensor) -> bool:
    """A leaf that learns; no view of one."""
    return tensor.requires_grad and not tensor._is_view() and tensor.is_leaf


def _forget(table: dict[int, tuple[weakref.ref[Any], Made]], key: int, ref: weakref.ref[Any]) -> None:
    entry = table.get(key)
    if entry is not None and entry[0] is ref:
        del table[key]
