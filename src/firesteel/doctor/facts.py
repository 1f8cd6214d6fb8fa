"""What was seen of a training: plain records, in the order in which things happened.

No record holds a tensor of the user's. Where a value was small enough, a copy of it was kept.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from firesteel.doctor.columns import Fresh
from firesteel.doctor.fits import Fit, Transform
from firesteel.doctor.sites import Site

#: Modules, loaders, optimizers and switches that a loop makes again and again: so many of each are kept.
MOST_RECORDS = 20_000


@dataclass(slots=True, eq=False, repr=False)
class Made:
    """How a tensor came about: the operation, what went in (other `Made`, numbers, words) and where.

    `op` is the canonical name, whatever way it was called: `softmax` for `F.softmax`, `torch.softmax`, `x.softmax`;
    `sub` for `a - b`; `get_data` for `.data`; `numpy` for arrays taken out of a tensor. Tensors that nobody saw
    being made are `parameter` (a leaf that learns), `array` (NumPy's) or `unknown`.
    """

    op: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    site: Site
    shape: tuple[int, ...]
    dtype: torch.dtype | None
    requires_grad: bool
    at: int
    func: Callable[..., Any] | None = None
    module: Module | None = None  # the innermost module in whose forward it was made
    is_called_inside: bool = False  # that module is PyTorch's own, and PyTorch's own code called it
    is_in_place: bool = False  # the tensor of args[0] was changed
    part: int | None = None  # which one of several results
    value: torch.Tensor | None = None  # a copy, where it is small
    rows: Any = None  # (n,) fingerprints of the rows of a large table that batches were cut from
    param: Param | None = None
    scrambles: str = ""  # of an array: how its rows are no rows of the array that it is a view of
    grad_node: str = ""  # "SoftmaxBackward0"
    peaks: torch.Tensor | None = None  # of a large ReLU's output the highest value of each unit, over all rows

    def __repr__(self) -> str:
        return f"Made({self.op} {self.shape} line {self.site.line})"

    @property
    def parents(self) -> list[Made]:
        """The tensors that went in, in order."""
        return [one for arg in (*self.args, *self.kwargs.values()) for one in _inside(arg)]

    @property
    def creation(self) -> Site:
        """The line to name: where the layer was created, if PyTorch's own code called it, as in an nn.Sequential."""
        if self.module is not None and self.is_called_inside and self.module.site is not None:
            return self.module.site
        return self.site

    def walk(
        self, *, through: Callable[[Made], bool] | None = None, known: Collection[int] = frozenset()
    ) -> Iterator[Made]:
        """This one and all it came from, nearest first; only beyond those for which `through` says yes.

        What came before those whose ids are `known` is left out.
        """
        seen, queue = {id(self)}, [self]
        while queue:
            one = queue.pop(0)
            yield one
            if id(one) in known or (through is not None and not through(one)):
                continue
            for parent in one.parents:
                if id(parent) not in seen:
                    seen.add(id(parent))
                    queue.append(parent)

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        """An argument of the call by its place or its name."""
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)


def _inside(arg: Any) -> Iterator[Made]:
    if isinstance(arg, Made):
        yield arg
    elif isinstance(arg, list | tuple):
        for one in arg:
            yield from _inside(one)
    elif isinstance(arg, dict):
        for one in arg.values():
            yield from _inside(one)


@dataclass(eq=False)
class Param:
    """A leaf that learns: an nn.Parameter or a raw tensor with requires_grad."""

    ref: weakref.ref[torch.Tensor] = field(repr=False)
    shape: tuple[int, ...]
    name: str = ""  # as its root module calls it; empty for raw tensors
    is_parameter: bool = True  # an nn.Parameter
    initial: torch.Tensor | None = field(default=None, repr=False)  # a copy from before the first step
    n_by_hand: int = 0  # times it changed between two backwards without being in an optimizer
    n_stale_by_hand: int = 0  # of these, times the gradient was left standing for the next backward
    n_backwards: int = 0  # times a backward gave it a gradient
    last_backward_at: int = -1
    site: Site | None = None  # the user's line that made it, or the layer it belongs to
    is_loaded: bool = False  # load_state_dict() or deepcopy() gave it its values
    is_removed: bool = False  # its root module held it once and does no more
    is_made_inside: bool = False  # it was made while a module was being called


@dataclass(eq=False)
class Module:
    """A module: its class, where it was created, whether its forward is the user's code."""

    ref: weakref.ref[torch.nn.Module]
    kind: str  # name of the class
    site: Site | None  # where it was created; None if that was before anybody looked
    created_at: int
    has_users_forward: bool
    has_parameters: bool = False  # looked up at its first call as a root
    params: tuple[Param, ...] = ()  # at its last call as a root that was looked at
    stateful: tuple[str, ...] = ()  # kinds of dropout and batch norm layers inside


@dataclass(eq=False)
class Forward:
    """A call of an outermost module that has parameters (a loss module without any is none)."""

    at: int
    module: Module
    site: Site
    is_training: bool  # module.training
    modes: dict[str, bool]  # training flags of its dropout and batch norm layers, by name (hot only)
    has_grad: bool  # gradients were enabled
    rows: Any = None  # np.int64 fingerprints of the rows of the first input, shape (n,); None when not taken
    mixed: Any = None  # those of all inputs with as many rows, if there are several
    fresh: Fresh | None = None  # sums of the columns of the rows that no call before had
    n_rows: int = 0
    input: Made | None = None  # hot only
    inputs: tuple[Made, ...] = ()  # all tensors that went in (hot only)
    output: Made | None = None  # hot only; the first tensor that came out
    outputs: tuple[Made, ...] = ()
    is_hot: bool = False
    role: str = "unknown"  # "training" | "evaluation" | "unknown", set when all is over
    step: int = 0  # optimizer steps before it
    loader_pass: LoaderPass | None = None  # the loader that gave out a batch last
    callers: tuple[Site, ...] = ()  # the user's calls that led to it, the innermost first (hot only)

    @property
    def samples(self) -> Any:
        """Fingerprints that tell samples apart, by all that the net was given of each."""
        return self.rows if self.mixed is None else self.mixed


@dataclass(eq=False)
class Loss:
    """A call of one of PyTorch's losses (hot only). `made.args` hold what went in."""

    at: int
    name: str  # "cross_entropy", "mse_loss", ...
    made: Made
    input: Made
    target: Made | None
    is_trained: bool = False  # a backward went through it, set when all is over
    step: int = 0
    callers: tuple[Site, ...] = ()  # the user's calls that led to it, the innermost first

    @property
    def site(self) -> Site:
        return self.made.site


@dataclass(eq=False)
class Backward:
    """A call of backward()."""

    at: int
    site: Site
    loss: Any  # 0-d tensor, detached copy; None when it is no scalar
    made: Made | None  # hot only
    is_hot: bool
    retains_graph: bool
    creates_graph: bool
    reached: frozenset[int] = frozenset()  # id of each Param that the graph reaches (hot only)
    reached_params: tuple[Param, ...] = ()
    n_stale: int = 0  # params where it accumulated onto a gradient that had been applied
    step: int = 0
    n_nodes: int = 0  # nodes of the graph (hot only)
    is_followed: bool = True  # False: only its loss was looked at, the rest is as of the last one that was followed
    n_reached: int = 0  # params to which it gave a gradient
    n_applied: int = 0  # of these, how many a step has used since
    n_cleared: int = 0  # of these, how many were cleared before any step used them
    is_scaled: bool = False  # of a loss that a GradScaler scaled


@dataclass(eq=False)
class Step:
    """A call of an optimizer's step()."""

    at: int
    optimizer: Optimizer
    site: Site
    lrs: tuple[float, ...]
    n_params: int
    n_without_gradient: int
    n_stale: int  # params whose gradient still holds one that was applied before
    n_unchanged: int  # params whose gradient is exactly the one applied before
    n_zeroed: int  # params whose gradient was cleared after the last backward
    has_closure: bool
    is_hot: bool
    index: int = 0  # of this optimizer, from 0
    n_frozen: int = 0  # of n_without_gradient, those that do not learn
    n_pending: int = 0  # params with a gradient that no step had used before
    n_leaked: int = 0  # of these, how many also hold one of another line that another optimizer's step has used
    applied: tuple[Backward, ...] = ()  # the backwards that it uses (of the param that holds most of them)
    stale: tuple[Param, ...] = ()  # those that n_stale counts (hot only)
    is_scaled: bool = False  # called by a GradScaler
    is_followed: bool = True  # False: only its lrs were looked at, the rest is as of the last one that was followed
    norms: dict[str, tuple[float, float, float]] = field(default_factory=dict)  # |grad|, |weight|, |update| (hot only)


@dataclass(eq=False)
class Optimizer:
    """An optimizer that was created."""

    at: int
    ref: weakref.ref[torch.optim.Optimizer]
    kind: str
    site: Site | None
    defaults: dict[str, Any]
    params: list[Param]
    n_steps: int = 0
    n_zero_grads: int = 0
    ever_with_gradient: set[int] = field(default_factory=set)  # id of each Param that had a new gradient at a step
    continues: Optimizer | None = None  # the one that stepped its params last, if nothing has changed them since


@dataclass(eq=False)
class ZeroGrad:
    at: int
    site: Site
    owner: str  # "optimizer" | "module"
    optimizer: Optimizer | None
    n_params: int


@dataclass(eq=False)
class ModeSwitch:
    """`.train()`, `.eval()`, `.train(False)`."""

    at: int
    site: Site
    module: Module
    is_training: bool


@dataclass(eq=False)
class Scheduler:
    at: int
    kind: str
    site: Site
    optimizer: Optimizer | None
    ref: weakref.ref[Any]
    steps: list[tuple[int, Site]] = field(default_factory=list)  # (at, where), the one of its creation left out
    details: dict[str, Any] = field(default_factory=dict)  # T_max, step_size, milestones ...: what it was made with
    metrics: list[float] = field(default_factory=list)  # what step() was given
    is_part: bool = False  # another schedule steps it


@dataclass(eq=False)
class Call:
    """Another call that matters: clip_grad_norm_, clip_grad_value_, scaler_scale, scaler_unscale, scaler_step,
    scaler_update, autograd_grad, load_state_dict.
    """

    at: int
    name: str
    site: Site
    params: tuple[int, ...] = ()  # id of each Param that it was about
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Holds:
    """What a dataset of the user's held when its loader was made: whole numbers, and how many rows each thing has."""

    path: str
    kind: str  # name of its class
    n_rows: int  # what it says of its own length
    numbers: dict[str, int]
    lengths: dict[str, int]


@dataclass(eq=False)
class Loader:
    at: int
    ref: weakref.ref[Any]
    site: Site
    dataset: Any  # weak reference to the dataset where that can be had, else None
    n_rows: int | None
    batch_size: int | None
    sampler: str  # name of its class: "RandomSampler", "SequentialSampler", ...
    drop_last: bool
    n_workers: int
    has_worker_init: bool = False  # a worker_init_fn
    generators: tuple[tuple[str, str, str], ...] = ()  # held by the dataset: attribute, kind, file of the holder
    holds: Holds | None = None  # of a dataset of the user's
    passes: list[LoaderPass] = field(default_factory=list)


@dataclass(eq=False)
class LoaderPass:
    """One iteration over a loader."""

    at: int
    loader: Loader
    site: Site
    indices: list[int] = field(default_factory=list)  # rows asked for, in order; capped
    n_batches: int = 0
    last_at: int = 0  # when it was asked for its last batch
    is_complete: bool = False  # ran to its end


@dataclass(eq=False)
class Facts:
    """All that was seen. Lists are in the order of happening; `at` orders across lists."""

    script: str | None = None
    sources: list[str] = field(default_factory=list)  # files that were only read
    forwards: list[Forward] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    backwards: list[Backward] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    optimizers: list[Optimizer] = field(default_factory=list)
    steps_by_optimizer: tuple[int, dict[int, list[Step]]] = (0, {})  # of so many steps; by the id of the optimizer
    schedulers: list[Scheduler] = field(default_factory=list)
    asked: list[Backward] = field(default_factory=list)  # torch.autograd.grad by leaves, which may be a training
    zero_grads: list[ZeroGrad] = field(default_factory=list)
    switches: list[ModeSwitch] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    loaders: list[Loader] = field(default_factory=list)
    modules: list[Module] = field(default_factory=list)  # all that were created or called as roots
    params: list[Param] = field(default_factory=list)  # all that an optimizer holds or a graph reached
    ops: list[Made] = field(default_factory=list)  # all operations that were seen, in order (hot only)
    n_retained: list[tuple[int, int, int, int, Site]] = field(
        default_factory=list
    )  # (step, losses of earlier steps alive with their graph, of how many recent ones, optimizers so far, where)
    kept: dict[Site, tuple[Made, ...]] = field(default_factory=dict)  # one of each earlier step alive with its graph
    n_forwards: int = 0
    n_backwards: int = 0
    n_steps: int = 0
    fits: list[Fit] = field(default_factory=list)
    transforms: list[Transform] = field(default_factory=list)
    seeds: set[str] = field(default_factory=set)  # which sources of randomness were seeded
    used_random: set[str] = field(default_factory=set)
    variables: dict[str, Any] = field(default_factory=dict)  # the script's globals when it had ended
    notes: list[str] = field(default_factory=list)  # what could not be seen, and why
    stopped: str = ""  # why the run was cut short: "steps", "time", "interrupt", "error" or ""

    def files(self) -> list[str]:
        """The user's files in which something happened, the script first."""
        sites = [*(one.site for one in self.forwards), *(one.site for one in self.backwards)]
        sites += [*(one.site for one in self.steps), *(one.site for one in self.losses)]
        created = [*(one.site for one in self.modules), *(one.site for one in self.optimizers)]
        sites += [*(one.site for one in self.loaders), *(site for site in created if site is not None)]
        paths = dict.fromkeys([*([self.script] if self.script else []), *self.sources])
        paths.update(dict.fromkeys(site.path for site in sites if site.is_users))
        return list(paths)

    def trained(self) -> list[Forward]:
        return [one for one in self.forwards if one.role == "training"]

    def evaluated(self) -> list[Forward]:
        """Forward calls that no backward followed."""
        return [one for one in self.forwards if one.role == "evaluation"]

    def trained_losses(self, *names: str) -> list[Loss]:
        """Losses through which a backward went; of these names, if any are given."""
        return [one for one in self.losses if one.is_trained and (not names or one.name in names)]

    def curve(self, site: Site | None = None) -> list[float]:
        """The loss at each backward that was kept (of one line), in order."""
        values = [one.loss for one in self.backwards if one.loss is not None and (site is None or one.site == site)]
        return torch.stack([value.float().cpu() for value in values]).tolist() if values else []
