"""Where a graph is cut: values that know nothing of how they came about, though weights had a part in them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator

from firesteel.doctor.facts import Facts, Made, Param
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, Sources

#: What takes values out of a graph, as it is written.
TAKEN_OUT = {"detach": ".detach()", "get_data": ".data", "numpy": ".numpy()", "item": ".item()", "tolist": ".tolist()",
             "float": "float()", "int": "int()"}  # fmt: skip
#: Of these, what leaves no tensor.
AS_NUMBERS = TAKEN_OUT.keys() - {"detach", "get_data"}
#: What picks a class, a place or a side: no gradient can go through it, however it is written.
_CHOOSES = {"argmax", "argmin", "argsort", "gt", "lt", "ge", "le", "eq", "ne", "multinomial", "bernoulli",
            "searchsorted", "bucketize", "nonzero"}  # fmt: skip
_WITH_PLACES = {"max", "min", "sort", "topk", "median", "mode", "kthvalue"}
_ANEW = {"tensor", "as_tensor", "asarray", "scalar_tensor"}
_WITHOUT_GRAPH = ("no_grad", "inference_mode", "set_grad_enabled")
#: A raw tensor that so many backwards in a row had in what they were taken of is a weight.
LASTING = 3


def is_cut(made: Made) -> bool:
    """What it gave has no graph, though what went in had one."""
    is_bare = not made.requires_grad or (made.op in _ANEW and not made.grad_node)
    return is_bare and any(one.requires_grad for one in made.parents)


def is_choice(made: Made) -> bool:
    """A cut that nobody made by detaching: a choice, which has no gradient."""
    return made.op in _CHOOSES or (made.op == "part" and made.parents[0].op in _WITH_PLACES)


def cutting(cuts: Iterable[Made], lost: Collection[int]) -> dict[Site, tuple[Made, set[int]]]:
    """The nearest cut behind lost weights, by place, each with the weights that it alone cuts off."""
    found: dict[Site, tuple[Made, set[int]]] = {}
    for made in sorted(cuts, key=lambda one: one.at):
        behind = {id(one.param) for one in _before(made) if one.param is not None and id(one.param) in lost}
        if behind and not any(behind <= known for _, known in found.values()):
            found.setdefault(made.site, (made, behind))
    return found


def _before(cut: Made) -> Iterator[Made]:
    """What went into it, up to other cuts."""
    return cut.walk(through=lambda one: cut.op in AS_NUMBERS or one is cut or not is_cut(one))


def cuts_inside(facts: Facts) -> list[Made]:
    """The cuts in what went into the losses of the backwards that were looked at."""
    made = [one.made for one in facts.backwards if one.is_hot and one.made is not None]
    return list({id(one): one for root in made for one in root.walk() if is_cut(one)}.values())


def nearest_cut(made: Made) -> Made | None:
    """The first cut on the way back from a tensor; one behind which a graph goes on."""
    return next((one for one in made.walk(through=lambda one: not is_cut(one)) if is_cut(one)), None)


def within_graph(made: Made) -> Iterator[Made]:
    """One and all that it has a graph of."""
    return (one for one in made.walk(through=lambda one: one.requires_grad) if one.requires_grad)


def lasting(facts: Facts) -> dict[int, Param]:
    """Raw tensors that learn and that several backwards or steps found in the operations before them, by id."""
    starts = [one.at for one in facts.backwards]
    found: dict[int, tuple[Param, set[int]]] = {}
    place = 0
    for made in facts.ops:
        while place < len(starts) and starts[place] < made.at:
            place += 1
        for one in made.parents:
            if one.param is not None and not one.param.is_parameter and one.requires_grad:
                found.setdefault(id(one.param), (one.param, set()))[1].add(place)
    return {key: param for key, (param, places) in found.items() if len(places) >= LASTING}


def place_of_cut(facts: Facts, sources: Sources, made: Made) -> tuple[Site | tuple[Source, ast.AST], str]:
    """The line to name and what stands there: the block without gradients around an operation, else the operation."""
    if made.op in TAKEN_OUT:
        return made.site, TAKEN_OUT[made.op]
    if all(one.op == "parameter" or not is_cut(one) for one in made.parents) and made.grad_node == "":
        for site in (made.site, *_callers(facts, made)):
            found = _block_around(sources.of(site), site)
            if found is not None:
                return (sources.of(site), found), "torch.no_grad()"
    return made.site, f"{made.op}()"


def _callers(facts: Facts, made: Made) -> Iterable[Site]:
    """The call of the net in which an operation was done."""
    before = [one for one in facts.forwards if one.at < made.at and not one.has_grad]
    return [before[-1].site] if before else []


def _block_around(source: Source, site: Site) -> ast.expr | None:
    """`with torch.no_grad():` around a line, or the decorator of its function."""
    statement = source.statement_at(site.line)
    if statement is None:
        return None
    for node in (statement, *source.parents(statement)):
        written: list[ast.expr] = []
        if isinstance(node, ast.With):
            written = [item.context_expr for item in node.items]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            written = node.decorator_list
        for one in written:
            if any(word in ast.unparse(one) for word in _WITHOUT_GRAPH):
                return one
    return None
