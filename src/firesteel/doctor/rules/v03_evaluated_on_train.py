"""V03: evaluated on training rows only, though others were held out."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any, ClassVar

import numpy as np
import torch
from torch.utils.data import Subset, TensorDataset

from firesteel.doctor.facts import Facts, Forward, Loader
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.roles import taught
from firesteel.doctor.rows import fingerprints
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, Sources, called
from firesteel.doctor.tables import is_measured, unused, variables

Place = Site | tuple[Source, ast.AST]

#: Fewer rows are a look, not an evaluation.
LEAST_ROWS = 5
#: Only of so many rows a name is believed: a table of all cases (XOR, parity) may be tested whole.
LEAST_CLAIMED = 20
_HELD_OUT = {"test", "tests", "testing", "tst", "val", "valid", "validation", "holdout", "heldout", "unseen"}
_OF_TRAINING = {"train", "training", "tr", "trn", "fit"}
#: Rows are told apart by their numbers, so most must be different.
SHARE_DIFFERENT = 0.8


class EvaluatedOnTrain(Rule):
    id: ClassVar[str] = "V03"
    title: ClassVar[str] = "evaluated on training rows only"
    level: ClassVar[Level] = "E"
    what: ClassVar[str] = (
        "Rows were held out, but what is printed as the score is that of the training rows: the wrong loader or "
        "array went into the evaluation. The number says how well the net remembers."
    )
    detected: ClassVar[str] = (
        "Every row that was evaluated behind the last step had been trained on, and held-out rows lie there "
        "unused: a loader that was never read, a tensor of such rows that never went into the net, a part of a split "
        "whose name is never read. Or the script itself gives what it evaluates the name of test rows."
    )
    silent: ClassVar[str] = (
        "A score on the training rows beside one on held-out rows. Where nothing was held out at all, that is V07. "
        "A run that was stopped before its end."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(150, 4)
y = x.sum(1, keepdim=True)
x_train, x_test, y_train, y_test = x[:100], x[100:], y[:100], y[100:]
net = nn.Linear(4, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(20):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x_train), y_train).backward()
    optimizer.step()
with torch.no_grad():
    print("test error", nn.functional.mse_loss(net(x_train), y_train).item())
"""
    healthy: ClassVar[str] = sick.replace('"test error", nn.functional.mse_loss(net(x_train), y_train)',
                                          '"test error", nn.functional.mse_loss(net(x_test), y_test)')  # fmt: skip

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        if facts.stopped:
            raise NotApplicable("the script was stopped before its end: held-out rows may come there")
        trained = [one for one in taught(facts) if one.samples is not None]
        evaluated = [one for one in facts.evaluated() if one.samples is not None and len(one.samples) >= LEAST_ROWS]
        known = {int(row) for one in trained for row in one.samples}
        n_different = sum(len(set(one.samples.tolist())) for one in evaluated)
        if n_different < SHARE_DIFFERENT * sum(len(one.samples) for one in evaluated):
            raise NotApplicable("the rows that go into the net are too much alike to be told apart")
        if not trained or not evaluated:
            raise NotApplicable("no evaluation beside a training was seen")
        if any(int(row) not in known for one in evaluated for row in one.samples) or _is_partly_seen(facts):
            return
        if _is_scored_first(trained, evaluated):
            return
        if _is_held_out_of_its_net(trained, evaluated):
            return
        given = {int(row) for one in trained if one.rows is not None for row in one.rows}  # as they stand in tables
        said = _unread_loader(facts, given) or _unused_table(facts, trained, given)
        last = evaluated[-1]
        words = _words(case.sources.of(last.site), last.site)
        if not said and not words & _OF_TRAINING:
            said = _unused_variable(facts, trained, given)
        said = said or _unread_part(case)
        claimed, place = _claim(case.sources, evaluated, known)
        said = said or claimed
        if said:
            n = len({int(row) for one in evaluated for row in one.samples})
            yield self.finding(
                _place(case, last, place),
                message="the rows that are evaluated are the training rows",
                evidence=f"all {n:,} evaluated rows had been trained on; {said}",
                why="the score says how well the net remembers, not what it does with new rows",
                fix="     give the evaluation the held-out rows",
            )


def _is_partly_seen(facts: Facts) -> bool:
    """Rows of some evaluations were not taken, and no loader tells that they are of the same kind as the others."""
    return any(
        one.samples is None and one.n_rows >= LEAST_ROWS and one.loader_pass is None for one in facts.evaluated()
    )


def _is_scored_first(trained: list[Forward], evaluated: list[Forward]) -> bool:
    """Rows of several evaluations were new at that time and are trained on afterwards: first the test, then the lesson.

    Not those of an evaluation before all training.
    """
    first: dict[int, int] = {}
    for one in trained:
        for row in one.samples.tolist():
            first.setdefault(row, one.at)
    begun = min(one.at for one in trained)
    new = [one for one in evaluated if one.at > begun and all(first[row] > one.at for row in one.samples.tolist())]
    return len(new) > 1


def _is_held_out_of_its_net(trained: list[Forward], evaluated: list[Forward]) -> bool:
    """Rows that went to one net for a score were trained on by others alone, as in the folds of a cross validation."""
    known: dict[int, set[int]] = {}
    for one in trained:
        known.setdefault(id(one.module), set()).update(one.samples.tolist())
    return any(not known[id(one.module)] >= set(one.samples.tolist()) for one in evaluated if id(one.module) in known)


def _unread_loader(facts: Facts, known: set[int]) -> str:
    """A loader that was never read, beside one that was, unless its rows can be had and were trained on."""
    unread = [one for one in facts.loaders if not one.passes and one.n_rows and not known & _rows_of(one)]
    if not unread or not any(one.passes for one in facts.loaders):
        return ""
    one = unread[-1]
    return f"a loader of {one.n_rows:,} rows, made on line {one.site.line}, was never read"


def _rows_of(loader: Loader) -> set[int]:
    """What its first tensor holds; nothing where only the user's code could tell."""
    held = loader.dataset() if loader.dataset is not None else None
    places: Any = slice(None)
    while isinstance(held, Subset):
        places = list(held.indices) if places == slice(None) else [held.indices[one] for one in places]
        held = held.dataset
    tensor = held.tensors[0] if isinstance(held, TensorDataset) else None
    rows = fingerprints(tensor) if tensor is not None else None
    return set(rows[places].tolist()) if rows is not None else set()


def _shape_of(trained: list[Forward]) -> tuple[int, ...] | None:
    return next((tuple(one.input.shape[1:]) for one in trained if one.input is not None), None)


def _is_held_out(facts: Facts, table: torch.Tensor, known: set[int]) -> bool:
    """Rows of the same kind as those that were trained on, none of which was."""
    rows = fingerprints(table)
    is_other = rows is not None and len(rows) >= LEAST_ROWS and len(rows) != len(known)
    return is_other and not any(int(row) in known for row in rows) and _is_alike(facts, table)


def _unused_table(facts: Facts, trained: list[Forward], known: set[int]) -> str:
    """A tensor of such rows, made before the training as the trained ones were, of which nothing came."""
    shape = _shape_of(trained)
    if not shape:
        return ""
    used = {id(one) for forward in facts.forwards if forward.input is not None for one in forward.input.walk()}
    kinds = {made.op for forward in trained if forward.input is not None for made in forward.input.walk()}
    for made in unused(facts, shape, used):
        if made.op in kinds and made.value is not None and _is_held_out(facts, made.value, known):
            return f"{made.shape[0]:,} rows of the same kind, made on line {made.site.line}, never went into the net"
    return ""


def _unused_variable(facts: Facts, trained: list[Forward], known: set[int]) -> str:
    """A tensor among the script's variables with rows as wide as the trained ones, none of which was trained on."""
    shape = _shape_of(trained)
    for name, value in variables(facts, shape) if shape else ():
        given = facts.variables[name]
        if not isinstance(given, torch.Tensor) or not _is_held_out(facts, value, known):
            continue
        rows = fingerprints(given)  # in its own numbers, which may be float64
        if rows is None or not any(int(row) in known for row in rows):
            return f"'{name}' holds {len(value):,} rows that never went into the net"
    return ""


def _unread_part(case: Case) -> str:
    """The part that a split held out is given a name, and that name is never read."""
    for path in case.facts.files():
        source = case.sources[path]
        read = {one.id for one in source.nodes(ast.Name) if isinstance(one.ctx, ast.Load)}
        for node in source.nodes(ast.Assign):
            is_split = isinstance(node.value, ast.Call) and called(node.value) in ("train_test_split", "random_split")
            target = node.targets[0]
            held_out = target.elts[1] if is_split and isinstance(target, ast.Tuple) and len(target.elts) > 1 else None
            if isinstance(held_out, ast.Name) and held_out.id not in read and not held_out.id.startswith("_"):
                return f"the held-out part, '{held_out.id}' of line {node.lineno}, is never read"
    return ""


def _claim(sources: Sources, evaluated: list[Forward], known: set[int]) -> tuple[str, Place]:
    """The script itself calls rows that were trained on its test rows: a loader, an argument, or what is printed."""
    for one in evaluated:
        if len(known) < LEAST_CLAIMED or one.input is None or not is_measured(one.input, least_columns=1):
            continue
        source = sources.of(one.site)
        read = one.loader_pass
        if read is not None and any(loop.iter.lineno == read.site.line for loop in _for_loops(source, one.site)):
            names = _words_of_targets(sources.of(read.loader.site), read.loader.site)
            if names & _HELD_OUT and not names & _OF_TRAINING:
                return "by its name the loader gives held-out rows", read.loader.site
        if _given(source, one.site) & _HELD_OUT and not _words(source, one.site) & _OF_TRAINING:
            return "by its names this line is about held-out rows", one.site
    return "", evaluated[-1].site


def _place(case: Case, last: Forward, place: Place) -> Place:
    """The loader, where one was made of the training rows for the evaluation alone; else the call that gives them."""
    if place is not last.site:
        return place
    read = last.loader_pass
    training = {id(one.loader_pass.loader) for one in case.facts.trained() if one.loader_pass is not None}
    if read is not None and id(read.loader) not in training and read.loader.site.is_users:
        return read.loader.site
    known = [one.callers for one in case.facts.evaluated() if one.site is last.site and one.callers]
    return _given_by(case.sources, known[-1]) if known else last.site


def _given_by(sources: Sources, callers: tuple[Site, ...]) -> Site:
    """Out of functions that evaluate what they are given, to the call that gives it."""
    for inner in callers[:-1]:
        source = sources.of(inner)
        function, call = source.function_around(inner.line), source.node_at(inner)
        if function is None or not isinstance(call, ast.Call) or not _is_given(function, call):
            return inner
    return callers[-1]


def _is_given(function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call) -> bool:
    """What a call is given comes from an argument of the function around it."""
    names = _names_in(*call.args, *(one.value for one in call.keywords))
    steps = [(one.target, one.iter) for one in ast.walk(function) if isinstance(one, ast.For | ast.comprehension)]
    steps += [(one.targets[0], one.value) for one in ast.walk(function) if isinstance(one, ast.Assign)]
    for _ in range(3):
        names |= {name for target, value in steps if names & _names_in(target) for name in _names_in(value)}
    arguments = function.args
    given = {one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
    asked = _names_in(call.func)
    return bool(names & (given - {"self"} - asked))


def _names_in(*nodes: ast.AST) -> set[str]:
    return {one.id for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name)}


def _for_loops(source: Source, site: Site) -> list[ast.For]:
    return [loop for loop in source.loops_around(site.line) if isinstance(loop, ast.For)]


def _words_of_targets(source: Source, site: Site) -> set[str]:
    statement = source.statement_at(site.line)
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return {word for target in targets for word in _split(ast.unparse(target))}


def _given(source: Source, site: Site) -> set[str]:
    """The words of what is given to a call."""
    call = source.node_at(site)
    given = [ast.unparse(one) for one in call.args] if isinstance(call, ast.Call) else []
    return {word for text in given for word in _split(text)}


def _words(source: Source, site: Site) -> set[str]:
    """These, and those of the texts in its statement: a text alone proves nothing of rows."""
    statement = source.statement_at(site.line)
    parts = ast.walk(statement) if statement is not None and not hasattr(statement, "body") else ()
    texts = [one.value for one in parts if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return _given(source, site) | {word for text in texts for word in _split(text)}


def _split(text: str) -> list[str]:
    return re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower())


def _is_alike(facts: Facts, value: torch.Tensor) -> bool:
    """Most columns have the mean and spread that those of the trained rows have: more rows of the same kind."""
    flat = value.detach().reshape(len(value), -1).double().cpu().numpy()
    sums = [one.fresh for one in facts.trained() if one.fresh is not None and len(one.fresh.total) == flat.shape[1]]
    if not sums:
        return False
    side = reduce(add, sums)
    spread = np.sqrt(side.variance) + 1e-12
    is_near = np.abs(flat.mean(0) - side.mean) < spread / 2
    is_spread = (flat.std(0) < 2 * spread) & (flat.std(0) > spread / 2)
    return bool(np.mean(is_near & (is_spread | (side.variance < 1e-12))) >= SHARE_DIFFERENT)
