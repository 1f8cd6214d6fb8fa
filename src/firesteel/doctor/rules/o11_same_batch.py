"""O11: the same batch stepped many times."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from itertools import groupby, pairwise
from typing import ClassVar

import numpy as np

from firesteel.doctor.batches import Batch, batches_of, follows
from firesteel.doctor.facts import Facts, LoaderPass, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import origin
from firesteel.doctor.rows import fingerprints
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source
from firesteel.doctor.tables import variables

#: So many equal batches in a row are no coincidence.
FEWEST = 4
#: Or pairs of steps, one behind the other, of a loop that is seen to make no use of what it counts.
FEWEST_PAIRS = 2
#: Operations that take rows out of a table.
_TAKES = {"getitem", "narrow", "index_select", "split", "chunk", "tensor_split", "part", "select", "gather", "take"}


class SameBatch(Rule):
    id: ClassVar[str] = "O11"
    title: ClassVar[str] = "the same batch stepped many times"
    level: ClassVar[Level] = "W"
    what: ClassVar[str] = (
        "The loop over batches runs, but what it counts is not used: each round takes the same rows again. The net "
        "learns a few rows by heart, or the whole table as many times as there are batches."
    )
    detected: ClassVar[str] = (
        "The rows of each training step are compared with those of the step before. The finding is there if they were "
        "the same in every round of a loop that has a round for each batch, or in every step of the run although the "
        "loader or the sliced table has more rows."
    )
    silent: ClassVar[str] = (
        "Training on the whole table at once, several updates on one batch that was drawn before (as in reinforcement "
        "learning), closures, and rows left out of the training on purpose for a test."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(64, 3)
y = x.sum(1, keepdim=True)
net = nn.Linear(3, 1)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(3):
    for i in range(0, 64, 8):
        rows = slice(0, 8)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("slice(0, 8)", "slice(i, i + 8)")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        batches = batches_of(facts)
        if len(batches) < FEWEST:
            raise NotApplicable("no rows of training steps were seen")
        by_site: dict[Site, list[Batch]] = {}
        for one in batches:
            by_site.setdefault(one.site, []).append(one)
        for site, those in by_site.items():
            if len(those) < FEWEST:
                continue
            runs = [list(run) for _, run in groupby(those, key=lambda one: one.key)]
            if len({one.key for one in those}) == 1:
                found = self._always(case, site, those, is_all=len(by_site) == 1)
            else:
                found = self._in_runs(case, site, runs)
            if found is not None:
                yield found

    # ---- one batch for the whole run

    def _always(self, case: Case, site: Site, those: list[Batch], *, is_all: bool) -> Finding | None:
        loop = _idle_loop(case, site)
        loader = _unread_loader(those)
        if loader is not None:
            return self._describe(
                case, site, those,
                message="the loop reads batches from a loader, but each step is made on the same rows",
                evidence=f"{len(those)} steps were made on the same {those[0].n_rows} rows, while the loader gave out "
                f"{loader.n_batches} batches a pass",
            )  # fmt: skip
        started = _restarted_loader(those) if is_all else None
        if started is not None:
            n_rows = started.loader.n_rows
            return self._describe(
                case, started.site, those,
                message="every step is made on one and the same batch of the loader",
                evidence=f"{len(those)} steps were made on the same {those[0].n_rows} of {n_rows} rows",
            )  # fmt: skip
        taken = _taken_anew(those)
        if taken is None:
            if loop is not None and _has_round_for_batch(case, site, loop):
                return self._describe(
                    case, site, those,
                    message="the loop over batches does not use what it counts: each round takes all rows",
                    evidence=f"{len(those)} steps were made on the same {those[0].n_rows} rows, one for each round",
                )  # fmt: skip
            return None
        made, n_all = taken
        loop = loop or _idle_loop(case, made.site)
        if loop is None or n_all <= those[0].n_rows or _are_others_used(case.facts, made):
            return None
        is_inner = len(case.sources.of(site).loops_around(loop.body[0].lineno)) > 1
        if not is_inner and not _has_round_for_batch(case, site, loop):  # the first rows, for all of the epochs
            return None
        return self._describe(
            case, _written_bound(case, _line_of_choice(made)), those,
            message="the loop over batches does not use what it counts: each round takes the same rows",
            evidence=f"{len(those)} steps were made on the same {those[0].n_rows} of {n_all} rows",
        )  # fmt: skip

    # ---- a batch for each run of an inner loop

    def _in_runs(self, case: Case, site: Site, runs: list[list[Batch]]) -> Finding | None:
        if not case.facts.trained():
            return self._between(case, site, runs)
        whole = runs[:-1] if len(runs) > 2 else runs
        lengths = {len(one) for one in whole}
        if len(lengths) != 1 or min(lengths) < FEWEST - 1 or len(runs) < 2:
            return None
        length, n_rows = lengths.pop(), runs[0][0].n_rows
        taken = _taken_anew(runs[0])
        given = runs[0][0].loader_pass
        n_all = taken[1] if taken is not None else (given.loader.n_rows if given is not None else _rows_cut_up(runs))
        loop = _idle_loop(case, site)
        n_at_least = 0
        if n_all is None and loop is not None and _has_round_for_batch(case, site, loop):
            n_all = _rows_of_array(case.facts, runs)
            n_at_least = len({key for run in runs for key in _rows_in(run[0])}) if n_all is None else 0
        if n_at_least > n_rows:  # the table is out of sight; the loop has a round for each batch of it
            n_all = length * n_rows
        if n_all is None or n_rows >= n_all or length not in (n_all // n_rows, -(-n_all // n_rows)):
            return None
        is_read_here = given is not None and given.site.code is site.code
        place = given.site if given is not None and is_read_here else _written_choice(case, site)
        if taken is not None:
            place = _written_bound(case, _line_of_choice(taken[0]))
        return self._describe(
            case, place, [one for run in runs for one in run],
            message="the loop over batches does not use what it counts: each round takes the same rows",
            evidence=f"{len(whole)} times {length} steps in a row were made on the same {n_rows} of {n_all} rows; "
            f"{length} is the number of batches in a pass",
        )  # fmt: skip

    def _between(self, case: Case, site: Site, runs: list[list[Batch]]) -> Finding | None:
        """Raw tensors, of which only some steps were looked at: those that follow each other have the same rows."""
        loop = _idle_loop(case, site)
        pairs = [(one, other) for run in runs for one, other in pairwise(run) if follows(case.facts, one, other)]
        n_turns = sum(follows(case.facts, one[-1], other[0]) for one, other in pairwise(runs))
        takings = [_taking(one.made) for one, _ in pairs if one.made is not None]
        if (
            loop is None
            or not _has_round_for_batch(case, site, loop)
            or len(pairs) < FEWEST_PAIRS
            or len(pairs) <= n_turns
        ):
            return None
        if not takings or takings[0] is None or None in takings:
            return None
        return self._describe(
            case, _written_bound(case, _line_of_choice(takings[0])), [one for run in runs for one in run],
            message="the loop over batches does not use what it counts: each round takes the same rows",
            evidence=f"{len(pairs)} times two steps that were looked at, one behind the other, had the same "
            f"{runs[0][0].n_rows} of {takings[0].parents[0].shape[0]} rows, and {n_turns} times others",
        )  # fmt: skip

    def _describe(
        self, case: Case, place: Site | tuple[Source, int], those: list[Batch], *, message: str, evidence: str
    ) -> Finding:
        source, line = (case.sources.of(place), place.line) if isinstance(place, Site) else place
        return self.finding(
            place,
            message=message,
            evidence=evidence,
            why="other rows are never learned from, or the same ones again and again",
            fix=f"{line:>4}   {source.line(line)}\n     take the rows from what the loop counts or gives, "
            "e.g. perm[i * batch_size:(i + 1) * batch_size]",
        )


def _idle_loop(case: Case, site: Site) -> ast.For | None:
    """The innermost loop around a line, if its body makes no use of what it counts but to print or compare it."""
    source = case.sources.of(site)
    loops = source.loops_around(site.line)
    if not loops or not isinstance(loops[0], ast.For):
        return None
    loop = loops[0]
    counted = {one.id for one in ast.walk(loop.target) if isinstance(one, ast.Name)}
    for statement in loop.body:
        if isinstance(statement, ast.If) or ast.unparse(statement).startswith(("print(", "tqdm")):
            continue
        if any(isinstance(one, ast.Name) and one.id in counted for one in ast.walk(statement)):
            return None
    return loop


def _has_round_for_batch(case: Case, site: Site, loop: ast.For) -> bool:
    """`range(0, n, batch_size)`, `range(n // batch_size)`, or a name that was computed so."""
    call = loop.iter
    if isinstance(call, ast.Call) and ast.unparse(call.func) in ("enumerate", "tqdm", "trange") and call.args:
        call = call.args[0]
    if not isinstance(call, ast.Call) or ast.unparse(call.func) not in ("range", "trange"):
        return False
    if len(call.args) == 3:
        return True
    source: Source = case.sources.of(site)
    expressions: list[ast.expr] = list(call.args)
    names = {one.id for arg in call.args for one in ast.walk(arg) if isinstance(one, ast.Name)}
    assigned = [one for one in source.nodes(ast.Assign) if isinstance(one.targets[0], ast.Name)]
    expressions += [one.value for one in assigned if ast.unparse(one.targets[0]) in names]
    is_inner = len(source.loops_around(loop.body[0].lineno)) > 1
    return is_inner and any(_is_number_of_batches(one) for one in expressions)


def _is_number_of_batches(expression: ast.expr) -> bool:
    nodes = list(ast.walk(expression))
    divides = any(isinstance(one, ast.BinOp) and isinstance(one.op, ast.FloorDiv) for one in nodes)
    counts = any(isinstance(one, ast.Call) and ast.unparse(one.func).endswith(("ceil", "len")) for one in nodes)
    return divides or (counts and any(isinstance(one, ast.BinOp) and isinstance(one.op, ast.Div) for one in nodes))


def _unread_loader(those: list[Batch]) -> LoaderPass | None:
    """A pass that gave out batches of another size, one for each step."""
    last = next((one.loader_pass for one in reversed(those) if one.loader_pass is not None), None)
    if last is None:
        return None
    first = those[0].loader_pass
    n_of_first = sum(one.loader_pass is first for one in those)
    size = last.loader.batch_size
    is_read_along = first is not None and n_of_first > 1 and n_of_first == first.n_batches
    return first if is_read_along and size is not None and those[0].n_rows > size else None


def _restarted_loader(those: list[Batch]) -> LoaderPass | None:
    """The loader has more rows than its first batch, and only that one was ever taken."""
    passes = {id(one.loader_pass): one.loader_pass for one in those}
    given = next(iter(passes.values()))
    if given is None or None in passes.values():
        return None
    n_rows = given.loader.n_rows
    if n_rows is None or those[0].n_rows >= n_rows or those[0].n_rows != given.loader.batch_size:
        return None
    # A batch or two are fetched ahead where workers do it.
    ahead = 1 + 2 * given.loader.n_workers
    return given if all(one is not None and one.n_batches <= ahead for one in passes.values()) else None


def _taken_anew(those: list[Batch]) -> tuple[Made, int] | None:
    """The operation that took the rows out of a larger table, if each step did so anew; and the rows of the table."""
    seen = [_taking(one.made) for one in those if one.made is not None]
    takings = [one for one in seen if one is not None]
    if len(takings) < 2 or len(takings) < len(seen) or len({id(one) for one in takings}) < len(takings):
        return None
    table = takings[0].parents[0]
    return (takings[0], table.shape[0]) if table.shape else None


def _taking(made: Made) -> Made | None:
    one: Made | None = made
    for _ in range(8):
        if one is None or not one.parents:
            return None
        table = one.parents[0]
        if one.op in _TAKES and one.shape and table.shape and table.shape[0] > one.shape[0]:
            return one
        one = table
    return None


def _rows_cut_up(runs: list[list[Batch]]) -> int | None:
    """The rows of the table that all batches were cut out of, before the loop began."""
    firsts = {id(one.made): one.made for run in runs for one in run if one.made is not None}
    tables = {id(table): table for made in firsts.values() for table in list(made.walk())[1:] if table.shape}
    whole = [one for one in tables.values() if one.shape[0] > runs[0][0].n_rows]
    return whole[0].shape[0] if len(whole) == 1 else None


def _rows_of_array(facts: Facts, runs: list[list[Batch]]) -> int | None:
    """The rows of the smallest array among the script's variables that holds those of all batches, and more."""
    made = runs[0][0].made
    taken = {row for run in runs for row in _rows_in(run[0])}
    lengths = []
    for _, table in variables(facts, tuple(made.shape[1:])) if made is not None else ():
        rows = fingerprints(table)
        if rows is not None and taken <= set(rows.tolist()):
            lengths.append(len(rows))
    return min(lengths, default=None)


def _rows_in(batch: Batch) -> list[int]:
    """Fingerprints of its rows; nothing where it has numbers instead."""
    return np.frombuffer(batch.key, dtype=np.int64).tolist() if len(batch.key) == 8 * batch.n_rows else []


def _written_choice(case: Case, site: Site) -> Site | tuple[Source, int]:
    """The line of the loop that chose the rows, `x, y = batches[i]` or what that was made from; else that of its use.

    Names are followed back within the loop: x = from_numpy(table[rows]), rows = order[a:b].
    """
    source = case.sources.of(site)
    call, loops = source.node_at(site), source.loops_around(site.line)
    if not isinstance(call, ast.Call) or not loops:
        return site
    used = {one for arg in call.args for one in _names_in(arg)}
    chosen: int | None = None
    for node in sorted(ast.walk(loops[0]), key=lambda one: -getattr(one, "lineno", 0)):
        if isinstance(node, ast.Assign) and node.lineno < site.line:
            if not used & {name for target in node.targets for name in _names_in(target)}:
                continue
            used |= _names_in(node.value)
            if any(isinstance(one, ast.Subscript | ast.Tuple) for one in ast.walk(node.value)):
                chosen = node.lineno
    for statement in (one for loop in loops[1:] if chosen is None for one in loop.body):
        if isinstance(statement, ast.Assign) and used & _names_in(statement.targets[0]):
            chosen = statement.lineno  # drawn before the loop that was to draw it
    return (source, chosen) if chosen is not None else site


def _names_in(node: ast.AST) -> set[str]:
    return {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}


def _line_of_choice(made: Made) -> Site:
    """Where the rows are chosen: the line that made the index, if that is part of a larger one."""
    for arg in made.args[1:]:
        for index in arg if isinstance(arg, tuple) else (arg,):
            if isinstance(index, Made):
                chosen = _taking(index)
                if chosen is not None:
                    return chosen.site
    return made.site


def _written_bound(case: Case, site: Site) -> Site | tuple[Source, int]:
    """Of order[start:end] the line of the loop that computes its start, if that is a name."""
    source = case.sources.of(site)
    node, loops = source.node_at(site), source.loops_around(site.line)
    names = _names_in(node.slice) if isinstance(node, ast.Subscript) else set()
    for statement in loops[0].body if loops and isinstance(loops[0], ast.For) else ():
        if (
            isinstance(statement, ast.Assign)
            and statement.lineno < site.line
            and _names_in(statement.targets[0]) & names
        ):
            return source, statement.lineno
    return site


def _are_others_used(facts: Facts, made: Made) -> bool:
    """Rows of the table that were not taken are evaluated elsewhere: the slice is a split."""
    table = origin(made.parents[0])
    if table.value is None:
        return False
    rows = fingerprints(table.value)
    taken = fingerprints(made.value) if made.value is not None else None
    if rows is None or taken is None:
        return False
    left = set(rows.tolist()) - set(taken.tolist())
    return any(one.rows is not None and left & set(one.rows.tolist()) for one in facts.evaluated())
