"""The pages of the docs: their code blocks run, what they print compared with the page, or written into it.

A block of ```sh or ```python is run, in the page's order, in an empty folder; a block of ```text behind it shows what
it printed. `firesteel` is called as a function, in this process: that saves four seconds of imports a command.

    # exit 2                    behind a command: it ends with this code (0 where nothing is said)
    ...                         a line of ```text: printed lines were left out here
    <!-- not run: the reason -->  on the line before a block: it is only shown
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from firesteel.cli import main

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "verbs").glob("*.md")))

RUN = ("sh", "python")
LEFT_OUT = "..."
#: The folder that a page shows where a message names it in full.
READER = "/home/you"

_FENCE = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_EXIT = re.compile(r"#\s*exit (\d+)\s*$")
#: What may differ from machine to machine: 0.981, 1,797, -0.01, 3.9e-10.
_NUMBER = re.compile(r"(?:(?<!\w)-)?\d[\d.,]*(?:e[+-]?\d+)?")

_VERDICT = re.compile(r"interval\s+of\s+the\s+gap")


class PageError(Exception):
    """A block that cannot be run as it stands."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    line: int  # of its first line of text, from 1
    start: int  # where its text stands in the page
    reason: str  # why it is not run, where it is not

    @property
    def is_run(self) -> bool:
        return self.language in RUN and not self.reason


def blocks_of(page: str) -> list[Block]:
    """All fenced blocks of a page, from its text."""
    return [
        Block(
            found["language"],
            found["text"],
            page.count("\n", 0, found.start("text")) + 1,
            found.start("text"),
            found["reason"] or "",
        )
        for found in _FENCE.finditer(page)
    ]


def run_page(page: str, folder: Path) -> Iterator[tuple[Block, str | None, str]]:
    """Each block that is run, with the block that shows its output (where there is one) and what it printed.

    Commands and Python share the folder; all Python blocks of a page share their names.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    blocks = blocks_of(page)
    for block, after in zip_longest(blocks, blocks[1:]):
        if not block.is_run:
            continue
        shown = after if after is not None and after.language == "text" else None
        out = io.StringIO()
        with _standing_in(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            if block.language == "sh":
                _run_commands(block, out)
            else:
                exec(compile("\n" * (block.line - 1) + block.text, "page", "exec"), names)
        yield block, shown, out.getvalue().replace(str(folder), READER)


def words(text: str) -> Counter[str]:
    """How often each word stands in a text; all numbers are the same word."""
    return Counter(_NUMBER.sub("#", text).split())


def without_verdict(text: str) -> str:
    """A text without the paragraph that says who won: that is measured, and may fall otherwise on another processor."""
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join(part for part in paragraphs if not _VERDICT.search(part))


def cut_like(shown: str, printed: str) -> str:
    """The printed lines that a page shows. Raises PageError where a part between two `...` was not printed."""
    parts = [part.strip("\n").splitlines() for part in re.split(r"^\.\.\.$", shown, flags=re.MULTILINE)]
    lines = printed.strip("\n").splitlines()
    if len(parts) == 1:
        return "\n".join(lines) + "\n"
    kept: list[str] = []
    for i, part in enumerate(parts):
        kept += [LEFT_OUT] if i else []
        start = 0 if i == 0 else len(lines) - len(part) if i == len(parts) - 1 else _find(part[0], lines)
        kept += lines[start : start + len(part)]
    return "\n".join(kept) + "\n"


def renewed(page: str, folder: Path) -> str:
    """The page with what its blocks print now."""
    pieces, end = [], 0
    for _, shown, printed in list(run_page(page, folder)):
        if shown is not None:
            pieces += [page[end : shown.start], cut_like(shown.text, printed)]
            end = shown.start + len(shown.text)
    return "".join([*pieces, page[end:]])


def _find(line: str, lines: list[str]) -> int:
    """The first printed line with the same words, else with the same first word: the rest may have changed."""
    first = line.split()[:1]
    same = [i for i, other in enumerate(lines) if words(other) == words(line)]
    alike = [i for i, other in enumerate(lines) if other.split()[:1] == first]
    if not same + alike:
        raise PageError(f"nothing like {line!r} was printed in\n" + "\n".join(lines))
    return (same + alike)[0]


def _run_commands(block: Block, out: io.StringIO) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        found = shlex.split(line, comments=True)
        if not found:
            continue
        if found[0] != "firesteel":
            raise PageError(f"line {block.line}: only `firesteel ...` is run, not {line!r}; say <!-- not run: why -->")
        expected = _EXIT.search(line)
        code = _exit_code(found[1:])
        if code != (int(expected[1]) if expected else 0):
            raise PageError(f"line {block.line}: {line!r} ends with exit code {code}:\n{out.getvalue()}")


def _exit_code(arguments: list[str]) -> int:
    try:
        return main(arguments)
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)


@contextlib.contextmanager
def _standing_in(folder: Path) -> Iterator[None]:
    """In a folder, with a terminal of 80 columns."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
