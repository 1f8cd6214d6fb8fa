"""What only the end can tell: which calls trained and which evaluated."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise

from firesteel.doctor.facts import Backward, Facts, Forward, Module
from firesteel.doctor.sites import Site


def settle(facts: Facts) -> None:
    """Sets `role` of each forward and `is_trained` of each loss, in place."""
    _count_asked(facts)
    trained: set[int] = set()
    for backward in facts.backwards:
        if backward.made is not None:
            known = frozenset(trained)
            trained.update([id(one) for one in backward.made.walk(known=known)])
    for loss in facts.losses:
        loss.is_trained = id(loss.made) in trained
    starts = [backward.at for backward in facts.backwards]
    for forward in facts.forwards:
        if forward.is_hot:
            after = bisect_left(starts, forward.at)
            following = facts.backwards[after] if after < len(starts) else None
            forward.role = _role(forward, trained, following)
    _spread(facts)


def _count_asked(facts: Facts) -> None:
    """A gradient that was asked for by name is a backward, if what it was asked for is changed or renewed along it."""
    data = {id(one.param) for forward in facts.forwards for one in forward.inputs if one.param is not None}
    held = {key for optimizer in facts.optimizers for key in optimizer.ever_with_gradient}
    learning = {id(one) for one in facts.params if one.n_by_hand > 1} | held
    by_site: dict[Site, list[Backward]] = {}
    for one in facts.asked:
        by_site.setdefault(one.site, []).append(one)
    facts.asked = []
    for those in by_site.values():
        reached = frozenset[int]().union(*(one.reached for one in those))
        if not reached & data and (reached & learning or _is_renewed(those)):
            facts.asked += those
    for one in facts.asked:
        for param in one.reached_params:
            param.n_backwards += 1
            param.last_backward_at = one.at
    facts.n_backwards += len(facts.asked)
    facts.backwards = sorted([*facts.backwards, *facts.asked], key=lambda one: one.at)


def _is_renewed(those: list[Backward]) -> bool:
    """The weights of the second gradient were made of those of the first: `w = (w - lr * g).requires_grad_()`."""
    for first, second in pairwise(those[:3]):
        if second.made is None or first.reached & second.reached:
            continue
        if any(id(one.param) in first.reached for one in second.made.walk() if one.param is not None):
            return True
    return False


def taught(facts: Facts) -> list[Forward]:
    """Training calls whose rows the weights learned from: not those whose gradients no step could use.

    That is so for gradients by the input itself (a saliency map, an attack), and where none is taken any more.
    """
    last = _last_steps(facts)
    asking = {one.site for one in facts.forwards if one.input is not None and _asks_by_input(one)}
    if all(one.site in asking for one in facts.trained()):  # data that want gradients for nothing, by an old habit
        asking = set()
    return [one for one in facts.trained() if one.site not in asking and one.at < last(one.module)]


def _last_steps(facts: Facts) -> Callable[[Module], float]:
    """When something a module holds was stepped last; where no optimizer holds any of it, when anything was."""
    end = facts.steps[-1].at if facts.steps else math.inf
    ends = {id(step.optimizer): step.at for step in facts.steps}
    held: dict[int, int] = {}
    for optimizer in facts.optimizers:
        for one in optimizer.params if id(optimizer) in ends else ():
            held[id(one)] = max(held.get(id(one), 0), ends[id(optimizer)])
    known: dict[int, float] = {}

    def last(module: Module) -> float:
        if id(module) not in known:
            found = [held[id(one)] for one in module.params if id(one) in held]
            known[id(module)] = max(found, default=end)
        return known[id(module)]

    return last


def _asks_by_input(forward: Forward) -> bool:
    """What went in is a leaf that wants a gradient and belongs to no net."""
    param = forward.input.param if forward.input is not None else None
    return param is not None and not param.is_parameter and param.n_by_hand == 0


def _role(forward: Forward, trained: set[int], following: Backward | None) -> str:
    if any(id(one) in trained for one in forward.outputs):
        return "training"
    if not forward.has_grad:
        return "evaluation"
    if following is None:
        return "evaluation"
    is_known = following.made is not None and bool(following.reached)
    return "evaluation" if is_known and forward.outputs else "unknown"


def _spread(facts: Facts) -> None:
    """Calls that nobody looked at have the role of the others of their line, where these agree."""
    roles: dict[tuple[object, bool, bool], set[str]] = {}
    for one in facts.forwards:
        if one.is_hot:
            roles.setdefault((one.site, one.has_grad, one.is_training), set()).add(one.role)
    for one in facts.forwards:
        if one.role == "unknown" and not one.is_hot:
            known = roles.get((one.site, one.has_grad, one.is_training), set()) - {"unknown"}
            one.role = next(iter(known)) if len(known) == 1 else "unknown" if one.has_grad else "evaluation"
