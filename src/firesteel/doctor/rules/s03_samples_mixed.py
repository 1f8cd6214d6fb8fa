"""S03: samples of a batch are mixed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from firesteel.doctor.facts import Facts, Forward, Made
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.lineage import SAME_NUMBERS
from firesteel.doctor.mixing import Mixing, is_one_sequence, mixing_of
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.rules.rule import Case, NotApplicable, Rule

FEWEST_ROWS, MOST_ROWS = 3, 2_000
#: Rows that come again in other company were shuffled: so many of them, over so many batches.
SHARE_MOVED, LEAST_BATCHES = 0.5, 4
#: So many calls of a net are computed again, and of each mode so many are tried: PyTorch computes some layers in
#: evaluation in one piece that cannot be.
CALLS_OF_A_NET = 2
#: What walks along the first axis.
_WALKS = {"unbind", "getitem", "select"}
#: What puts another axis first.
_MOVES = {"transpose", "permute", "movedim", "get_T", "get_mT", "swapaxes"}


class SamplesMixed(Rule):
    id: ClassVar[str] = "S03"
    title: ClassVar[str] = "samples mixed across the batch"
    level: ClassVar[Level] = "E"
    has_replay: ClassVar[bool] = True
    what: ClassVar[str] = (
        "The answer for a row must not depend on which other rows are in its batch. A recurrent net or attention "
        "that takes the batch for time (batch_first), a reshape, or a product over the wrong axis mixes them, and "
        "the net answers differently alone."
    )
    detected: ClassVar[str] = (
        "A recorded call of the net is computed again with one row of the batch changed. The answers for the "
        "other rows change, too. Batch norm in training is left out, as it is meant to mix."
    )
    silent: ClassVar[str] = (
        "Losses that compare rows (contrastive); nets that are always given all rows at once, as with graphs, "
        "unless a layer for sequences does the mixing."
    )
    sick: ClassVar[str] = """
import torch
from torch import nn

torch.manual_seed(0)
x, y = torch.randn(80, 6, 3), torch.randn(80, 6, 1)
rnn, head = nn.LSTM(3, 8), nn.Linear(8, 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(3, 8), nn.Linear(8, 1)
    def forward(self, x):
        return self.head(self.rnn(x)[0])

net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for rows in torch.randperm(80).split(20):
    optimizer.zero_grad()
    loss = (net(x[rows]) - y[rows]).pow(2).mean()
    loss.backward()
    optimizer.step()
"""
    healthy: ClassVar[str] = sick.replace("nn.LSTM(3, 8)", "nn.LSTM(3, 8, batch_first=True)")

    def judge(self, case: Case) -> Iterable[Finding]:
        facts = case.facts
        calls = [one for one in facts.forwards if _is_fit(one)]
        if not calls:
            raise NotApplicable("no call of a net with a batch of rows was looked at")
        reasons: list[str] = []
        n_asked = 0
        for of_net in _of_each_net(calls):
            found: list[tuple[Forward, Mixing | None]] = []
            for one in of_net:
                try:
                    found.append((one, mixing_of(facts, one)))
                except CannotReplay as reason:
                    reasons.append(str(reason))
                if len(found) == CALLS_OF_A_NET:
                    break
            n_asked += len(found)
            if any(mixing is None and not one.is_training for one, mixing in found):
                continue  # what mixes only in training is meant to
            for one, mixing in found:
                if mixing is not None and _counts(facts, one, mixing):
                    yield self._describe(mixing, one)
        if not n_asked:
            raise NotApplicable(f"no call could be computed again ({reasons[0]})")

    def _describe(self, mixing: Mixing, forward: Forward) -> Finding:
        n = forward.output.shape[0] if forward.output is not None else 0
        fix = "keep the first axis apart: no reshape, product or mean over it"
        if mixing.is_sequence:
            fix = "pass batch_first=True" if mixing.is_option else "leave the batch where the layer takes it"
        return self.finding(
            mixing.site,
            message="the batch is taken for time" if mixing.is_sequence else "rows of the batch are mixed here",
            evidence=f"one of {n} rows was changed, and the answers for {mixing.n_changed} others changed with it; the "
            f"mixing begins at {mixing.made.op}",
            why="what the net says of a row depends on which others are in its batch",
            fix=f"     {fix}",
        )


def _counts(facts: Facts, forward: Forward, mixing: Mixing) -> bool:
    """The rows are rows, not the points in time of a sequence, nor the nodes of a graph."""
    if is_one_sequence(mixing.made):
        return _is_shuffled(facts, forward)
    if mixing.is_sequence:
        return not _is_answered_by_step(forward) or _is_dealt(facts, forward)
    if mixing.made.op in _WALKS and _is_answered_by_step(forward) and not _is_dealt(facts, forward):
        return False  # a recurrence written by hand, over points in time
    return _comes_in_parts(facts, forward)


def _is_answered_by_step(forward: Forward) -> bool:
    """An answer for each row and each point in time: which of the two axes holds the rows, the net does not say."""
    given, output = forward.input, forward.output
    return given is not None and output is not None and len(output.shape) > 1 and output.shape[:2] == given.shape[:2]


def _is_dealt(facts: Facts, forward: Forward) -> bool:
    """What came first was chosen from a larger table, row by row, or a loader gave out so many.

    A slice from here to there may be rows as well as a stretch of time.
    """
    one = forward.loader_pass
    if (one is not None and one.loader.batch_size == forward.n_rows) or _is_shuffled(facts, forward):
        return True
    made = forward.input
    while made is not None and made.op in SAME_NUMBERS and made.parents and made.op not in _MOVES:
        table = made.parents[0]
        is_chosen = made.op == "index_select" or (made.op == "getitem" and _is_by_index(made))
        if is_chosen and table.shape[1:] == made.shape[1:]:
            return True
        made = table
    return False


def _is_by_index(made: Made) -> bool:
    """`table[rows]`, not `table[a:b]`; a list of rows is kept as a tuple, a long one as its beginning."""
    index = made.args[1]
    first = index[0] if isinstance(index, tuple) and index else index
    is_list = isinstance(index, tuple) and (first == "many" or len(index) > len(made.parents[0].shape))
    return is_list or isinstance(first, Made)


def _is_fit(forward: Forward) -> bool:
    output = forward.output
    if output is None or forward.input is None or not output.shape or not FEWEST_ROWS <= forward.n_rows <= MOST_ROWS:
        return False
    if forward.n_rows in output.shape[1:]:  # each row with each: similarities are mixed on purpose
        return False
    return output.shape[0] == forward.n_rows == forward.input.shape[0]


def _of_each_net(calls: list[Forward]) -> list[list[Forward]]:
    """The first calls of each net, those in evaluation mode first."""
    by_net: dict[int, dict[bool, list[Forward]]] = {}
    for one in sorted(calls, key=lambda one: (one.is_training, one.at)):
        by_net.setdefault(id(one.module), {False: [], True: []})[one.is_training].append(one)
    return [[one for found in modes.values() for one in found[:CALLS_OF_A_NET]] for modes in by_net.values()]


def _comes_in_parts(facts: Facts, forward: Forward) -> bool:
    """The net is given different rows at different times, so that it is no net of a whole."""
    sets = {one.rows.tobytes() for one in facts.forwards if one.module is forward.module and one.rows is not None
            and one.role == "training"}  # fmt: skip
    return len(sets) > 1


def _is_shuffled(facts: Facts, forward: Forward) -> bool:
    """A loader drew the rows in an order of chance, or each of them came again behind another one."""
    given = forward.input
    one = forward.loader_pass
    if one is not None and "Random" in one.loader.sampler and one.loader.batch_size == forward.n_rows:
        return True
    batches = [one.rows for one in facts.trained() if one.module is forward.module and one.rows is not None]
    if given is None or len(given.shape) < 2 or len(batches) < LEAST_BATCHES:
        return False
    before: dict[int, set[int]] = {}
    for rows in batches:
        for row, last in zip(rows[1:].tolist(), rows[:-1].tolist(), strict=True):
            before.setdefault(row, set()).add(last)
    _, counts = np.unique(np.concatenate(batches), return_counts=True)
    if len(counts) < 2 * forward.n_rows or int(counts.max()) - int(counts.min()) > 2 or int(counts.max()) < 2:
        return False
    return sum(len(one) > 1 for one in before.values()) > SHARE_MOVED * len(before)
