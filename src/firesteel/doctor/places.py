"""Lines to name: where data of a loss were made, the learning rate of an optimizer, the loop around a step."""

from __future__ import annotations

import ast

from firesteel.doctor.facts import Facts, Made, Param
from firesteel.doctor.lineage import SAME_NUMBERS
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, Sources
from firesteel.doctor.trainings import Training

_LEAVES = {"array", "unknown", "parameter", "many"}
_JOIN = {"stack", "cat"}


def site_of_data(made: Made, fallback: Site) -> Site:
    """The user's line that made the numbers a tensor or computed them; the fallback where nobody saw that."""
    while made.parents and (made.op in SAME_NUMBERS or made.op in _JOIN):
        if made.parents[0].op in _LEAVES and made.op not in _JOIN | {"getitem"}:
            break  # `torch.from_numpy(x).float()`, say
        made = made.parents[0]
    return made.site if made.op not in _LEAVES and made.site.is_users else fallback


def site_of_forward(facts: Facts, fallback: Site) -> Site:
    """The first call of a net that trained."""
    for one in facts.trained():
        if one.site.is_users:
            return one.site
    return fallback


def change_of_lr(sources: Sources, training: Training, lr: float) -> str:
    """A diff with another learning rate where it stands as a number; else words."""
    source = sources.of(training.place)
    node = source.node_at(training.place)
    if isinstance(node, ast.Call):
        values = [one.value for one in node.keywords if one.arg == "lr"] + node.args[1:2]
        if values and isinstance(values[0], ast.Constant):
            return source.replace_node(values[0], f"{lr:g}")
        if values:
            return f"give it lr={lr:g}: `{source.text_of(values[0])}` is {training.lr:g} here"
    return f"take the learning rate {lr:g} instead of {training.lr:g}"


def loop_of_epochs(source: Source, line: int) -> ast.For | ast.While | None:
    """The outermost loop around a line; of the callers where the line stands in a function that a loop calls."""
    for _ in range(4):
        loops = source.loops_around(line)
        function = source.function_around(line)
        outer = _call_of(source, function.name) if function is not None else None
        if outer is None or (not source.loops_around(outer) and loops):
            return loops[-1] if loops else None
        if not source.loops_around(outer) and _call_of_function_around(source, outer) is None:
            return loops[-1] if loops else None
        line = outer
    return None


def _call_of(source: Source, name: str) -> int | None:
    for call in source.nodes(ast.Call):
        called = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if called == name:
            return call.lineno
    return None


def _call_of_function_around(source: Source, line: int) -> int | None:
    function = source.function_around(line)
    return _call_of(source, function.name) if function is not None else None


def site_of_init(facts: Facts, param: Param) -> Site | None:
    """The line that gave the parameter its first values."""
    found = None
    for made in facts.ops:
        if made.at > (facts.backwards[0].at if facts.backwards else 0):
            break
        if made.is_in_place and made.site.is_users:
            target = made.argument(0, "tensor")
            while isinstance(target, Made) and target.op in ("get_data", "detach") and target.parents:
                target = target.parents[0]
            if isinstance(target, Made) and target.param is param:
                found = made.site
    return found
