"""The user's files as they read when a run met them: a script may change or delete its own, or be edited meanwhile."""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=]")  # Source: PEP 263
_KEPT: dict[str, list[str]] = {}
_RUNS: list[str] = []


def lines_of(path: str) -> list[str]:
    """The lines of a file or of a notebook's cell, without their ends; none where it cannot be read."""
    if path in _KEPT:
        return _KEPT[path]
    linecache.checkcache(path)
    return [one.rstrip("\n") for one in linecache.getlines(path)]


def keep_text(path: str) -> None:
    """While a script runs: from now on the file reads as it does now."""
    if _RUNS and path not in _KEPT:
        _KEPT[path] = lines_of(path)


@contextmanager
def kept_texts(script: str) -> Iterator[None]:
    """The script reads as it does now, and the files beside it as they do when something of them is first seen."""
    _RUNS.append(script)
    keep_text(script)
    try:
        yield
    finally:
        _RUNS.remove(script)
        _KEPT.clear()


def encoding_flaw(path: str) -> str:
    """Why Python refuses a file that is not UTF-8 and names no encoding, in its words; "" where it does not."""
    raw = Path(path).read_bytes()
    lines = raw.split(b"\n")
    if b"\0" in raw or any(_CODING.match(line) for line in lines[:2]):
        return ""
    for number, line in enumerate(lines, 1):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            return f"Non-UTF-8 code starting with '\\x{line[error.start]:02x}' in file {path} on line {number}"
    return ""
