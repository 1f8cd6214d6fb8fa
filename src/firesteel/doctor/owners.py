"""How the script itself would write down its nets, and some of their parameters: `*head.parameters()`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from firesteel.doctor.facts import Facts, Forward, Param
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, Sources
from firesteel.doctor.updates import name_of_assigned


def spelled(params: list[Param], variables: Mapping[str, Any], source: Source, site: Site) -> list[str]:
    """The fewest names that give exactly these parameters, each of them once; none where they have no name.

    Args:
        variables: of the script when it had ended.
        site: the line where they are to be named; what its function has assigned can be named there.
    """
    wanted = {id(tensor) for one in params if (tensor := one.ref()) is not None}
    if len(wanted) < len(params):
        return _assigned(params, source, site)
    modules = [
        one for name, value in variables.items() if isinstance(value, nn.Module) for one in _whole(name, value, wanted)
    ]
    modules.sort(key=lambda pair: (-len(pair[1]), pair[0].count(".") + pair[0].count("[")))
    found, left = [], set(wanted)
    for name, held in modules:
        if held <= left:
            found.append(f"*{name}.parameters()")
            left -= held
    for name, value in variables.items():
        if id(value) in left:
            found.append(name)
            left.discard(id(value))
    return found if not left else []


def _whole(name: str, module: nn.Module, wanted: set[int]) -> Iterator[tuple[str, set[int]]]:
    """The outermost modules all of whose parameters are wanted, under the names by which they are reached."""
    held = {id(one) for one in module.parameters()}
    if held & wanted and held <= wanted:
        yield name, held
    elif held & wanted:
        for child, inner in module.named_children():
            inside = f"{name}[{child}]" if child.isdigit() else f"{name}.{child}"
            yield from _whole(inside, inner, wanted)


def _assigned(params: list[Param], source: Source, site: Site) -> list[str]:
    """Layers of a function that has returned, where each was assigned to a name of its own."""
    found: dict[str, None] = {}
    for param in params:
        place = param.site
        statement = source.statement_at(place.line) if place is not None and place.code is site.code else None
        if place is None or statement is None or getattr(statement, "value", None) is not source.node_at(place):
            return []
        name = name_of_assigned(source, place)
        if name is None or not param.is_parameter:
            return []
        found[f"*{name}.parameters()"] = None
    return list(found)


def name_of_net(sources: Sources, facts: Facts, forward: Forward) -> str:
    """How the script calls the net: `self.net` where a site ran `self.net(x)`; "model" where nobody can say."""
    source, net = sources.of(forward.site), forward.module.ref()
    node = source.node_at(forward.site)
    func = node.func if isinstance(node, ast.Call) else None
    if isinstance(func, ast.Attribute) and func.attr == "forward":
        func = func.value
    named = [name for name, value in facts.variables.items() if value is net and net is not None]
    text = source.text_of(func) if isinstance(func, ast.Name | ast.Attribute) else ""
    known = facts.variables.get(text)
    is_net = known is None or known is net
    return text if text and is_net and not forward.site.is_through_library else named[0] if named else "model"
