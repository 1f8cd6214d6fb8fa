"""What a rule is."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from firesteel.doctor.facts import Facts
from firesteel.doctor.findings import Finding, Level
from firesteel.doctor.sites import Site
from firesteel.doctor.source import Source, Sources

#: Bugs each of which can keep a net from learning anything: what is seen of a net that learnt nothing comes of them.
KEEP_FROM_LEARNING = (
    "L01", "L02", "L03", "L04", "L05", "L06", "L08", "L09", "L10", "O01", "O02", "O03", "O04", "O05", "O06", "O07",
    "O09", "O10", "G01", "G02", "D01", "D02", "D04", "D05", "D07", "D08", "S01", "S02", "S03", "S04", "S06", "S12",
)  # fmt: skip


#: What can stop a loss from falling, the surest first: nothing is applied or nothing comes through; the numbers, the
#: gradients or the rows are not those that were meant; it learns badly.
STOPS_LEARNING = (
    ("O03", "G01", "O02", "O04", "O06", "O07", "L05", "A01"),
    (
        "S07", "L08", "O01", "S01", "S02", "S03", "S06", "S12", "D08", "L03", "L04", "L09", "L10", "D01", "D02",
        "D07", "D06",
    ),
    ("O05", "O09", "O10", "G02", "G04", "S04", "L06", "L01", "L02", "D04", "D05", "O11", "D09"),
)  # fmt: skip


def place_among_causes(rule: str) -> int:
    """0 for what stops learning most surely, then 1 and 2; 3 for what does not stop it."""
    return next((i for i, tier in enumerate(STOPS_LEARNING) if rule in tier), len(STOPS_LEARNING))


class NotApplicable(Exception):
    """A rule has nothing to look at; the text completes "not applicable because ..."."""


@dataclass(frozen=True)
class Case:
    """What a rule is given: what was seen, and the sources of the user's files."""

    facts: Facts
    sources: Sources = field(default_factory=Sources)
    probes: bool = True  # replays are allowed
    ask: Callable[[], list[Finding]] = list  # what the other rules found, worst first


class Rule(ABC):
    """One kind of silent bug. Each file of `rules/` holds one, and its page is written from these fields.

    The texts are for a newcomer. `sick` and `healthy` are whole little programs that run; in `sick` the rule finds one
    thing, in `healthy` nothing, and a test runs both.
    """

    id: ClassVar[str]
    title: ClassVar[str]  # "softmax before cross entropy"
    level: ClassVar[Level]  # the highest that its findings have
    what: ClassVar[str]  # what happens, and why it hurts
    detected: ClassVar[str]  # what the doctor looks at
    silent: ClassVar[str]  # when it does not apply or is meant so
    sick: ClassVar[str]
    healthy: ClassVar[str]
    is_static: ClassVar[bool] = False  # judges the source alone, also without a run
    has_replay: ClassVar[bool] = False  # trains copies after the script; left out with --no-probes
    is_header: ClassVar[bool] = False  # stands above what other rules found
    consequence_of: ClassVar[tuple[str, ...]] = ()  # rules whose findings, from a warning up, explain those of this one
    asks_causes_first: ClassVar[bool] = False  # nothing is replayed where one of them was found

    @abstractmethod
    def judge(self, case: Case) -> Iterable[Finding]:
        """The findings; none means passed.

        Raises:
            NotApplicable: there was nothing to look at.
        """

    def finding(
        self, place: Site | tuple[Source, ast.AST] | tuple[Source, int], *, message: str, evidence: str, why: str,
        fix: str, level: Level | None = None,
    ) -> Finding:  # fmt: skip
        """A finding at a site that ran, at a node of a source, or at a line of it.

        What a library does inside, called from the user's line, is a note: nothing on that line can mend it.
        """
        if isinstance(place, Site):
            path, line, column, end = place.path, place.line, place.column, place.end_column
            if place.is_through_library:
                level = "N"
            if place.end_line != line:
                end = 0
            text = Source(path).line(line)
        else:
            source, at = place
            path = source.path
            line, column, end = (at, 0, 0) if isinstance(at, int) else _span(at)
            text = source.line(line)
        n_blank = len(text) - len(text.lstrip())
        start = max(len(text.encode()[:column].decode(errors="ignore")), n_blank if not column else 0)
        stop = len(text.encode()[:end].decode(errors="ignore")) if end > column else len(text.rstrip())
        return Finding(
            rule=self.id, level=level or self.level, path=path, line=line, column=start + 1, end_column=stop + 1,
            message=message, evidence=evidence, why=why, fix=fix, source=text,
        )  # fmt: skip


def _span(node: ast.AST) -> tuple[int, int, int]:
    line, end_line = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
    end = getattr(node, "end_col_offset", 0) if end_line == line else 0
    return line, getattr(node, "col_offset", 0), end
