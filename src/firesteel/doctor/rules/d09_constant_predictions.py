"""D09: constant predictions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import torch

from firesteel.doctor.captures import NORMS, is_layer_output
from firesteel.doctor.facts import Facts, Forward, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import in_order, origin
from firesteel.doctor.places import site_of_forward
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.remedies import Trouble, may_be_held_by_decay, trouble_of
from firesteel.doctor.rules.rule import KEEP_FROM_LEARNING, Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.trainings import main_training

LEAST_ROWS = 8
LEAST_STEPS = 3
#: Rows count as alike if they differ by less than this share of their size.
ALIKE = 2e-6
#: So many calls at the end are looked at, of training and of evaluation.
N_CALLS = 3
#: One class in so many rows, with a loss of so much of what the best constant answer costs, is worth a note.
MANY_ROWS, NOTHING_LEARNT = 100, 0.95
#: A weight decay holds the net where it ends with so much of what the best constant answer costs.
HELD = 0.9
#: So near to the ends of its range a function that squashes is saturated.
AT_AN_END = 1e-3
_SQUASHING = ("sigmoid", "tanh", "softmax", "log_softmax")
_SAME = ("its inputs are the same in every row", "look at what goes in: scaling or a cast has made all rows equal")
_SOMEWHERE = ("what tells rows apart is lost inside", "print the spread over rows, layer by layer: x.std(0).max()")


@dataclass(frozen=True, eq=False)
class _Call:
    """What went into a net and what came out, for the rows of one batch."""

    outputs: tuple[Made, ...]
    inputs: tuple[Made, ...]
    n_rows: int
    site: Site


class ConstantPredictions(Rule):
    id: ClassVar[str] = "D09"
    title: ClassVar[str] = "the same prediction for every row"
    level: ClassVar[Level] = "E"
    consequence_of: ClassVar[tuple[str, ...]] = (*KEEP_FROM_LEARNING, "D06")
    has_replay: ClassVar[bool] = True
    what: ClassVar[str] = (
        "Whatever goes in, the same comes out: the net has lost its inputs on the way, and can at best learn the mean "
        "of the targets or the most frequent class."
    )
    detected: ClassVar[str] = (
        "The outputs of the last calls in training and in evaluation: all rows the same to the last digits, while the "
        "targets differ. Going back from there, the first operation is named whose result is the same for every row "
        "although what went in was not. And where a training ends no better than the best constant answer: its replay "
        "on copies without weight decay."
    )
    silent: ClassVar[str] = (
        "Outputs that differ between rows, however little is learnt; the first steps of heads that begin with zeros; "
        "calls with equal inputs; one row at a time."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(128, 4)
y = x[:, :1] - x[:, 1:2]
net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1), nn.LayerNorm(1))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(20):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace(", nn.LayerNorm(1)", "")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        trouble = _trouble(case) if _is_decayed(facts) else None
        if trouble is not None and _is_held_by_decay(trouble):
            yield self._held_by_decay(trouble)
            return
        calls = _last_calls(facts) or _last_losses(facts)
        if not calls:
            raise NotApplicable("no output of a net for several rows was kept after the first steps")
        if not _targets_vary(facts):
            raise NotApplicable("no targets were seen that differ between rows")
        if all(_is_constant(one) for one in calls):
            yield self._describe(facts, calls[-1], is_explained=_is_explained(case))
        else:
            yield from self._one_class(case, calls)

    def _one_class(self, case: Case, calls: list[_Call]) -> Iterable[Finding]:
        """A note where scores differ, yet the same class wins in every row, and nothing was learnt."""
        winners = torch.cat([rows.argmax(1) for one in calls for rows in _scores(case, one)] or [torch.zeros(0)])
        if len(winners) < MANY_ROWS or bool((winners != winners[0]).any()):
            return
        trouble = _trouble(case)
        if trouble is None or trouble.is_explained or trouble.relative < NOTHING_LEARNT:
            return
        yield self.finding(
            calls[-1].site,
            level="N",
            message=f"class {int(winners[0])} wins in every row",
            evidence=f"in all {len(winners)} rows of the last {len(calls)} calls; {trouble.says_run()}",
            why="the net has learnt how frequent the classes are, and nothing from its inputs",
            fix="look for what keeps it from learning: the labels of other rows, a cut graph, units that are all dead",
        )

    def _held_by_decay(self, trouble: Trouble) -> Finding:
        training = trouble.training
        return self.finding(
            training.place,
            message=f"the weight decay {training.settings['weight_decay']:g} leaves one prediction for every row",
            evidence=f"{trouble.says_run()}; {trouble.says()} (no weight decay)",
            why="each step pulls the weights back to 0 by more than the loss moves them",
            fix="take a far smaller weight_decay: 1e-4 is common, 1e-2 in AdamW",
        )

    def _describe(self, facts: Facts, call: _Call, *, is_explained: bool) -> Finding:
        made = next(one for one in call.outputs if _rows(one) is not None)
        first = _where_rows_become_alike(made)
        rows = _rows(made)
        assert rows is not None
        example = ", ".join(f"{one:.4g}" for one in rows[0].reshape(-1)[:4].tolist())
        losses = facts.curve()
        went = f"; the loss went {losses[0]:.4g} → {losses[-1]:.4g}" if losses else ""
        is_same = _has_equal_inputs(call)
        cause, fix = _cause(first) if first is not None else _SAME if is_same else _SOMEWHERE
        return self.finding(
            site_of_forward(facts, call.site) if first is None else _place(first),
            level="N" if is_explained else "W" if first is not None and first.op == "relu" else "E",
            message=f"the net gives the same prediction for every row: {cause}",
            evidence=f"all {len(rows)} rows of the last call on line {call.site.line} got {example}, and so in every "
            f"other call at the end, while the targets differ{went}",
            why="what tells rows apart is lost on the way, so at best the mean of the targets is learnt",
            fix=fix,
        )


def _trouble(case: Case) -> Trouble | None:
    if not case.probes:
        return None
    try:
        return trouble_of(case.facts)
    except CannotReplay:
        return None


def _is_decayed(facts: Facts) -> bool:
    try:
        return may_be_held_by_decay(main_training(facts))
    except CannotReplay:
        return False


def _is_held_by_decay(trouble: Trouble) -> bool:
    """Run and replay end no better than the best constant answer, and the replay without weight decay far below."""
    is_without = trouble.cure is not None and trouble.cure.drops_decay
    return is_without and min(trouble.relative, trouble.control.relative) >= HELD


def _is_explained(case: Case) -> bool:
    """A learning rate or a scale has brought it about: these are named themselves."""
    trouble = _trouble(case)
    return trouble is not None and trouble.is_explained


def _last_calls(facts: Facts) -> list[_Call]:
    """The last calls of training and of evaluation whose outputs were kept."""
    found: list[Forward] = []
    for calls in (facts.trained(), facts.evaluated()):
        known = [
            one for one in calls if one.n_rows >= LEAST_ROWS and any(_rows(two) is not None for two in one.outputs)
        ]
        found += [one for one in known if facts.n_steps == 0 or one.step >= min(LEAST_STEPS, facts.n_steps)][-N_CALLS:]
    found.sort(key=lambda one: one.at)
    return [_Call(one.outputs, one.inputs, one.n_rows, one.site) for one in found]


def _last_losses(facts: Facts) -> list[_Call]:
    """Where no module was called: what the last trained losses were given."""
    known = [one for one in facts.trained_losses() if one.target is not None and _rows(one.input) is not None]
    known = known[LEAST_STEPS:][-N_CALLS:]
    return [_Call((one.input,), (), one.input.shape[0], one.site) for one in known]


def _scores(case: Case, call: _Call) -> list[torch.Tensor]:
    """The outputs that have one column for each class, if a cross entropy was trained on."""
    losses = case.facts.trained_losses("cross_entropy", "nll_loss")
    n_classes = {one.input.shape[1] for one in losses if len(one.input.shape) == 2}
    known = [rows for one in call.outputs[:1] if (rows := _rows(one)) is not None and rows.dim() == 2]
    known = [rows for rows in known if bool(torch.isfinite(rows).all())]
    return [rows for rows in known if rows.shape[1] in n_classes and rows.shape[1] > 1]


def _rows(made: Made) -> torch.Tensor | None:
    value = made.value
    is_fit = value is not None and value.dim() >= 1 and value.shape[0] >= LEAST_ROWS and value.is_floating_point()
    return value if is_fit else None


def _varies(value: torch.Tensor) -> bool:
    """The rows differ, by more than rounding; what is no number counts as different."""
    if not bool(torch.isfinite(value).all()):
        return True
    apart = (value.max(0).values - value.min(0).values).max()
    return bool(apart > ALIKE * value.abs().max().clamp_min(1e-30))


def _is_constant(call: _Call) -> bool:
    outputs = [rows for one in call.outputs if (rows := _rows(one)) is not None and len(rows) == call.n_rows]
    return bool(outputs) and not any(_varies(one) for one in outputs)


def _targets_vary(facts: Facts) -> bool:
    known = [
        one.target.value for one in facts.trained_losses() if one.target is not None and one.target.value is not None
    ]
    if known:
        return any(one.numel() > 1 and bool((one != one.reshape(-1)[0]).any()) for one in known[-6:])
    # a loss written by hand: the data that it compares with are among its leaves
    backward = next((one for one in reversed(facts.backwards) if one.made is not None), None)
    if backward is None or backward.made is None:
        return False
    for made in in_order(backward.made):
        if made.op == "sub" and made.requires_grad:
            for parent in made.parents:
                value = parent.value
                if (
                    not parent.requires_grad
                    and value is not None
                    and value.numel() > 1
                    and bool((value != value.reshape(-1)[0]).any())
                ):
                    return True
    return False


def _where_rows_become_alike(output: Made) -> Made | None:
    """The first operation on the way to an output with equal rows that came from differing ones, if it was kept."""
    n = output.shape[0]
    differing: set[int] = set()  # those that differ between rows, or come from such
    for made in in_order(output):
        value = made.value
        has_rows = value is not None and value.dim() >= 1 and value.shape[0] == n
        if has_rows and value is not None and made.op != "parameter" and _varies(value.float()):
            differing.add(id(made))
        elif any(id(parent) in differing for parent in made.parents):
            if has_rows:
                return made
            if value is None and not made.requires_grad:
                continue
            differing.add(id(made))
    return None


def _has_equal_inputs(call: _Call) -> bool | None:
    """None where they were not kept."""
    known = [rows for one in call.inputs if (rows := one.value) is not None and rows.dim() and len(rows) == call.n_rows]
    return not any(_varies(one.float()) for one in known) if known else None


def _place(made: Made) -> Site:
    """Of a norm the line that gives its size, of all else the line that calls it or its list of layers."""
    module = made.module
    is_norm = made.op in NORMS and module is not None and not module.has_users_forward
    return module.site if is_norm and module is not None and module.site is not None else made.creation


def _n_normed(made: Made) -> int:
    """Over how many numbers a norm takes its mean."""
    if made.op == "layer_norm":
        shape = made.argument(1, "normalized_shape")
        return math.prod(shape) if isinstance(shape, list | tuple) else 0
    n_places = math.prod(made.shape[2:])
    n_groups = made.argument(1, "num_groups") if made.op == "group_norm" else made.shape[1]
    return n_places * made.shape[1] // n_groups if isinstance(n_groups, int) and n_groups else 0


def _n_classes(made: Made) -> int:
    """Over how many numbers a softmax is taken."""
    dim = made.argument(1, "dim")
    dim = dim if isinstance(dim, int) else -1
    return made.shape[dim] if -len(made.shape) <= dim < len(made.shape) else 0


def _is_saturated(made: Made) -> bool:
    """All numbers lie at an end of what the function can give."""
    value = made.value
    if value is None:
        return False
    if made.op == "tanh":
        return bool((value.abs() > 1 - AT_AN_END).all())
    value = value.exp() if made.op == "log_softmax" else value
    return bool(((value < AT_AN_END) | (value > 1 - AT_AN_END)).all())


def _cause(made: Made) -> tuple[str, str]:
    if made.op in ("layer_norm", "group_norm", "instance_norm") and _n_normed(made) == 1:
        return (
            "a norm over a single number gives its bias, whatever it is given",
            f"leave out this norm of {made.shape}",
        )
    if made.op in ("softmax", "log_softmax") and _n_classes(made) == 1:
        return "a softmax over a single number is 1", "leave out the softmax, or give it one output per class"
    if made.op in ("relu", "clamp") and made.value is not None and not bool(made.value.any()):
        return (
            "all units of this ReLU are dead",
            "begin with PyTorch's own weights, lower the rate, or take nn.LeakyReLU",
        )
    if made.op in _SQUASHING:
        if _is_saturated(made):
            what = f"this {made.op} over {_n_classes(made)} classes" if "softmax" in made.op else f"this {made.op}"
            return f"{what} is saturated for every row", "scale the inputs, or lower the learning rate"
        fix = "take nn.ReLU() inside the net" if "softmax" not in made.op else _SOMEWHERE[1]
        return f"what tells rows apart has shrunk to nothing before this {made.op}", fix
    if is_layer_output(origin(made)):
        return (
            "the weights of this layer let nothing of its inputs through",
            "look at how these weights begin and learn",
        )
    return f"after `{made.op}` all rows are equal", "take what tells rows apart past this operation"
