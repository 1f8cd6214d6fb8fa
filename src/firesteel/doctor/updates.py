"""Questions about how weights are changed that several rules ask."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import torch

from firesteel.doctor.facts import Backward, Facts, Made, Module, Optimizer, Param, Step
from firesteel.doctor.lineage import origin
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, called


def steps_of(facts: Facts, optimizer: Optimizer) -> list[Step]:
    n, found = facts.steps_by_optimizer
    if n != len(facts.steps):
        found = {}
        for one in facts.steps:
            found.setdefault(id(one.optimizer), []).append(one)
        facts.steps_by_optimizer = len(facts.steps), found
    return found.get(id(optimizer), [])


def has_learned(facts: Facts) -> bool:
    """Something has applied gradients: an optimizer's step, or changes of weights by hand."""
    return facts.n_steps > 0 or any(one.n_by_hand for one in facts.params)


def is_anything_changed(facts: Facts) -> bool:
    """A step had a gradient to apply, or a weight was changed by hand."""
    return any(one.ever_with_gradient for one in facts.optimizers) or any(one.n_by_hand for one in facts.params)


def are_gradients_stale(facts: Facts) -> bool:
    """Most steps applied gradients that had been applied before: the way goes on and on, and grows."""
    if facts.steps:
        return 2 * sum(one.n_stale > 0 for one in facts.steps) > len(facts.steps)
    return any(2 * one.n_stale_by_hand > one.n_by_hand > 2 for one in facts.params)


def updates_by_hand(facts: Facts) -> Iterator[tuple[Made, Param]]:
    """In-place operations on leaves behind the first backward, outside of any optimizer's step (hot only)."""
    start = facts.backwards[0].at if facts.backwards else 0
    for made in facts.ops:
        if made.is_in_place and made.at > start and made.args and isinstance(made.args[0], Made):
            changed = origin(made.args[0])
            if changed.param is not None:
                yield made, changed.param


def reads_of_gradients(facts: Facts) -> Iterator[tuple[Made, Param]]:
    """Where the user's code looked at `.grad` of a leaf (hot only)."""
    for made in facts.ops:
        if made.op == "get_grad" and made.args and isinstance(made.args[0], Made):
            read = origin(made.args[0])
            if read.param is not None:
                yield made, read.param


def uses_of_gradients(facts: Facts) -> set[int]:
    """id of each Param whose gradient went into more than being cleared (hot only)."""
    read: dict[int, int] = {}
    found = set()
    for made in facts.ops:
        if made.op == "get_grad" and made.args and isinstance(made.args[0], Made):
            param = origin(made.args[0]).param
            if param is not None:
                read[id(made)] = id(param)
        elif (
            read
            and not (made.is_in_place and made.op in ("zero", "fill"))
            and made.op not in ("get_data", "set_data", "detach")
        ):
            found |= {read[id(one)] for one in map(origin, made.parents) if id(one) in read}
    return found


def inputs_that_learn(facts: Facts) -> set[int]:
    """id of each Param that is data: it (or rows of it) went into a module, or its gradient was asked for by name."""
    given = [origin(one).param for forward in facts.forwards for one in forward.inputs]
    found = {id(one) for one in given if one is not None}
    learning = {key for one in facts.asked for key in one.reached}
    found |= {key for call in facts.calls if call.name == "autograd_grad" for key in call.params if key not in learning}
    return found


def backwards_at(facts: Facts) -> dict[Site, list[Backward]]:
    """The backwards by the place of their call."""
    found: dict[Site, list[Backward]] = {}
    for one in facts.backwards:
        found.setdefault(one.site, []).append(one)
    return found


# ---- how the user calls things, for the fix


def receiver_of_step(source: Source, site: Site) -> str | None:
    """`self.opt` where a site ran `self.opt.step()` or `scaler.step(self.opt)`."""
    node = source.node_at(site)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    named = [one for one in node.args if isinstance(one, ast.Name | ast.Attribute)]
    receiver = node.func.value
    return source.text_of(named[0] if named and _is_scaler_step(node) else receiver)


def _is_scaler_step(node: ast.Call) -> bool:
    """`a.step(b)` where b is no function of the file: closures are names too, so only `scaler` spellings count."""
    return isinstance(node.func, ast.Attribute) and "scal" in ast.unparse(node.func.value).lower()


def bare_call(source: Source, method: str) -> ast.Expr | None:
    """`optimizer.step` as a statement of its own: the brackets are missing."""
    for node in source.nodes(ast.Expr):
        if isinstance(node.value, ast.Attribute) and node.value.attr == method:
            return node
    return None


def name_of_assigned(source: Source, site: Site | None) -> str | None:
    """`self.opt` where a site stands in `self.opt = Adam(...)`."""
    statement = source.statement_at(site.line) if site is not None else None
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name | ast.Attribute):
        return source.text_of(statement.targets[0])
    return None


def insert_zero_grad(source: Source, step: Site, backward: Site | None, call: str) -> str:
    """A diff with `call` above the backward if that stands beside the step, else below the step."""
    if backward is not None and backward.code is step.code and backward.line < step.line:
        statement = source.statement_at(backward.line)
        return source.insert_before(statement.lineno if statement is not None else backward.line, call)
    return source.insert_after(step.line, call)


def may_give_more(facts: Facts, source: Source, site: Site) -> bool:
    """What was not run of a script may give parameters to an optimizer.

    Its source has a call that makes another or adds a group, or calls the function around this one more than once.
    """
    made = {one.site.line for one in facts.optimizers if one.site is not None and one.site.path == source.path}
    function = source.function_around(site.line)
    n_calls = 0
    for call in source.nodes(ast.Call):
        name = called(call)
        is_optimizer = isinstance(getattr(torch.optim, name, None), type) and name != "Optimizer"
        is_new = is_optimizer and not made & set(range(call.lineno, (call.end_lineno or call.lineno) + 1))
        if is_new or name == "add_param_group":
            return True
        if function is not None and name == function.name:
            n_calls += 2 if source.loops_around(call.lineno) else 1
    return n_calls > 1


# ---- parameters that nothing changes


def owner_of(facts: Facts, param: Param) -> Module | None:
    """The module that has it as a parameter of its own, where both are still there."""
    tensor = param.ref()
    if tensor is None:
        return None
    for record in facts.modules:
        module = record.ref()
        if module is not None and any(one is tensor for one in module._parameters.values()):
            return record
    return None


def is_registered(facts: Facts, param: Param) -> bool:
    """parameters() of a module that was called holds it."""
    if param.name and not param.is_removed:
        return True
    tensor = param.ref()
    roots = {id(one.module): one.module.ref() for one in facts.forwards}
    return any(one is tensor for root in roots.values() if root is not None for one in root.parameters())


def left_alone(facts: Facts, *, anyhow: bool = False) -> list[Param]:
    """Leaves that got gradients of losses that other leaves learned from, yet nothing ever changed them.

    Not among them: data (inputs that learn), what was loaded, frozen or copied, and whatever had its gradient read.
    Where nothing at all was ever changed, though, what was loaded was to be trained further.
    """
    is_kept = is_anything_changed(facts)
    held = {id(one) for optimizer in facts.optimizers for one in optimizer.params}
    raw = {id(one) for one in facts.params if not one.is_parameter}
    apart = held | inputs_that_learn(facts) | (uses_of_gradients(facts) & raw)
    is_by_hand = any(one.n_by_hand >= 2 for one in facts.params)
    used: set[int] = set()
    for backward in facts.backwards:
        if backward.n_applied or is_by_hand or anyhow:
            used |= backward.reached
    found = []
    for param in facts.params:
        tensor = param.ref()
        if id(param) in apart or id(param) not in used or param.n_by_hand or (param.is_loaded and is_kept):
            continue
        if tensor is not None and not tensor.requires_grad:
            continue
        found.append(param)
    return found


def misses_its_loss(facts: Facts, optimizer: Optimizer) -> bool:
    """The loss before its steps reaches parameters that no optimizer holds, and none of its own."""
    own, left = {id(one) for one in optimizer.params}, {id(one) for one in left_alone(facts, anyhow=True)}
    verdicts = []
    for step in steps_of(facts, optimizer):
        backward = next((one for one in reversed(facts.backwards) if one.at < step.at), None) if step.is_hot else None
        if backward is not None and backward.reached:
            verdicts.append(not own & backward.reached and bool(left & backward.reached))
    return len(verdicts) > 1 and all(verdicts)


def is_used_inside(facts: Facts, param: Param) -> bool:
    """An operation inside a module's forward took it, or what was made of it outside."""
    for made in facts.ops:
        if made.module is None:
            continue
        for given in made.parents:
            for one in given.walk(through=lambda one: one.module is None and one.param is None):
                if one.param is param:
                    return True
    return False
