"""O06: optimizer holds parameters that never get a gradient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from firesteel.doctor.facts import Facts, Made, Optimizer, Param
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.graph_cuts import cuts_inside, cutting, is_choice
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.unused_losses import unused_losses
from firesteel.doctor.updates import is_registered, left_alone, misses_its_loss, owner_of, steps_of

FEWEST = 2
#: Operations that take numbers out of tensors: what they took was used.
_ENDS = {"item", "tolist", "numpy", "float", "int", "bool", "index", "detach", "get_data", "setitem", "copy"}


class NeverAGradient(Rule):
    id: ClassVar[str] = "O06"
    title: ClassVar[str] = "optimizer holds parameters that never get a gradient"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "The optimizer was made with parameters that the loss never reaches: those of another model, or of a layer "
        "that was replaced afterwards. It steps without an effect on what is trained."
    )
    detected: ClassVar[str] = (
        "For each optimizer: which of its parameters had a gradient at any of its steps? The finding is an error if "
        "none ever had one while the loss reaches others, if what a layer gives is used by nothing, only for a choice "
        "(argmax, a comparison) or only for a loss without a backward, or if those without one were replaced by others "
        "that no optimizer holds; a warning if they belong to no module that was ever called."
    )
    silent: ClassVar[str] = (
        "Frozen parameters, layers of the model that this run did not use, parameters that are changed by hand, and "
        "gradients that were cleared before the step (O02) or never computed at all (O03). Of a run that was stopped "
        "before its end only parameters whose module is gone count."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
net = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
for epoch in range(20):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("net = nn.Linear(3, 1)\n", "").replace(
        "optimizer = torch.optim.Adam(net.parameters(), lr=0.05)\n", ""
    ).replace("for epoch", "optimizer = torch.optim.Adam(net.parameters(), lr=0.05)\nfor epoch")  # fmt: skip

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        stepped = [one for one in facts.optimizers if one.n_steps >= FEWEST]
        if not stepped or facts.n_backwards < FEWEST:
            raise NotApplicable("no optimizer stepped behind backward()")
        asked = {key for call in facts.calls if call.name == "autograd_grad" for key in call.params}
        for optimizer in stepped:
            steps = steps_of(facts, optimizer)
            if asked & {id(one) for one in optimizer.params} or any(one.n_zeroed for one in steps):
                continue
            without = [one for one in optimizer.params if _is_without(optimizer, one)]
            if facts.stopped:  # what was not used yet may be used later: not what is in no module any more
                without = [one for one in without if one.is_parameter and owner_of(facts, one) is None]
            if not facts.stopped and not optimizer.ever_with_gradient and misses_its_loss(facts, optimizer):
                without = optimizer.params
            if len(without) == len(optimizer.params):
                others = [one for one in facts.params if one.n_backwards >= FEWEST and (one.name or one.is_parameter)]
                if others and not any(one.n_frozen for one in steps):
                    message = "the optimizer holds parameters that the loss never reaches"
                    yield self._describe(case, optimizer, without, message=message)
                continue
            foreign = [one for one in without if not is_registered(facts, one)]
            if foreign:
                level: Level = "E" if {one.shape for one in foreign} & _shapes_left_alone(facts) else "W"
                message = f"{len(foreign)} parameters of the optimizer belong to nothing that was trained"
                yield self._describe(case, optimizer, foreign, message=message, level=level)
            if facts.stopped:
                continue
            dropped = _dropped(facts, [one for one in without if one not in foreign])
            if dropped:
                yield self._tell_dropped(case, optimizer, dropped)
            yield from self._tell_choices(case, optimizer, {id(one) for one in without})
            yield from self._tell_unused(case, optimizer, {id(one) for one in without})

    def _tell_choices(self, case: Case, optimizer: Optimizer, without: set[int]) -> Iterator[Finding]:
        for made, behind in cutting(cuts_inside(case.facts), without).values() if without else ():
            if not is_choice(made):  # G02
                continue
            names = sorted(one.name or "a tensor" for one in optimizer.params if id(one) in behind)
            yield self.finding(
                made.site,
                message="a choice has no gradient: what it is made from cannot learn",
                evidence=f"in {optimizer.n_steps} steps {len(behind)} of {len(optimizer.params)} parameters "
                f"({', '.join(names[:3])}) never had a gradient; what they give only goes into {made.op}() here",
                why="these weights stay as they were drawn, and the rest learns to live with it",
                fix="     weigh with the softmax of these numbers, multiply by the chosen weight, or use "
                "F.gumbel_softmax(..., hard=True)",
            )

    def _tell_unused(self, case: Case, optimizer: Optimizer, without: set[int]) -> Iterator[Finding]:
        for site, (_, behind) in unused_losses(case.facts, without).items():
            names = sorted(one.name or "a tensor" for one in optimizer.params if id(one) in behind)
            yield self.finding(
                optimizer.site if optimizer.site is not None else site,
                message=f"the optimizer holds parameters whose loss, of line {site.line}, is never learned from",
                evidence=f"in {optimizer.n_steps} steps {len(behind)} of {len(optimizer.params)} parameters "
                f"({', '.join(names[:3])}) never had a gradient; no backward() was called for the loss that has one "
                "for them",
                why="that part of the net stays as it was drawn",
                fix=f"{site.line:>4}   {case.sources.of(site).line(site.line)}\n"
                "     add this loss to the one that backward() is called for: (loss + other_loss).backward()",
            )

    def _describe(
        self, case: Case, optimizer: Optimizer, without: list[Param], *, message: str, level: Level = "E"
    ) -> Finding:
        facts = case.facts
        site = optimizer.site if optimizer.site is not None else steps_of(facts, optimizer)[0].site
        source = case.sources.of(site)
        reached = max((one.n_reached for one in facts.backwards), default=0)
        return self.finding(
            site,
            level=level,
            message=message,
            evidence=f"in {optimizer.n_steps} steps {len(without)} of its {len(optimizer.params)} parameters never had "
            f"a new gradient; backward() gave gradients to up to {reached} parameters at a time",
            why="steps change nothing there, and what the loss does reach may not learn",
            fix=f"{site.line:>4}   {source.line(site.line)}\n     make the optimizer from the parameters of the model "
            "that is trained, behind the last line that makes or changes that model",
        )

    def _tell_dropped(self, case: Case, optimizer: Optimizer, dropped: list[tuple[Param, Made]]) -> Finding:
        made = dropped[0][1]
        names = ", ".join(list(dict.fromkeys(param.name for param, _ in dropped))[:4])
        source = case.sources.of(made.site)
        return self.finding(
            made.site,
            message="what this layer gives is never used: its parameters get no gradient",
            evidence=f"in {optimizer.n_steps} steps {len(dropped)} of {len(optimizer.params)} parameters ({names}) "
            "never had a gradient; the layer was called, and nothing that was seen took what came out",
            why="the layer does not learn, and the net works without it",
            fix=f"{made.site.line:>4}   {source.line(made.site.line)}\n     use what it gives, or leave the layer out",
        )


def _is_without(optimizer: Optimizer, param: Param) -> bool:
    tensor = param.ref()
    is_frozen = tensor is not None and not tensor.requires_grad
    is_reached = id(param) in optimizer.ever_with_gradient or param.last_backward_at > optimizer.at
    return not (is_reached or param.n_by_hand or is_frozen)


def _shapes_left_alone(facts: Facts) -> set[tuple[int, ...]]:
    return {one.shape[1:] if len(one.shape) > 1 else one.shape for one in left_alone(facts)} | {
        one.shape for one in left_alone(facts)
    }


def _dropped(facts: Facts, params: list[Param]) -> list[tuple[Param, Made]]:
    """Those that an operation of a trained forward took, of which nothing came into any output, loss or number."""
    wanted = {id(one): one for one in params}
    if not wanted:
        return []
    forwards = facts.trained()
    used = {id(one) for forward in facts.forwards for one in forward.outputs} | {id(one.made) for one in facts.losses}
    alive: set[int] = set()
    queue = [one for one in facts.ops if id(one) in used or one.op in _ENDS]
    queue += [one.made for one in facts.backwards if one.made is not None]
    while queue:
        one = queue.pop()
        if id(one) not in alive:
            alive.add(id(one))
            queue += one.parents
    first: dict[int, tuple[Param, Made]] = {}
    starts = [one.at for one in forwards if one.is_hot]
    for made in facts.ops:
        for parent in made.parents:
            key = id(parent.param)
            if key not in wanted:
                continue
            if id(made) in alive or not starts or made.at < starts[0] or made.is_in_place or made.module is None:
                if id(made) in alive:
                    wanted.pop(key)
                continue
            first.setdefault(key, (wanted[key], made))
    return [pair for key, pair in first.items() if key in wanted]
