"""What keeps the code small: no long file or function, no deep folder, no name that says nothing, no muted check."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("src", "tests", "scripts", "benchmarks", "examples")
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
MAX_DEPTH = 3  # src/firesteel/<room>/<file>, and one folder more for a room of many alike: doctor/rules, its patients
EMPTY_NAMES = {"utils", "util", "common", "core", "base", "misc", "helpers", "helper", "internal", "lib", "stuff"}
EMPTY_CLASS_ENDINGS = ("Manager", "Handler", "Processor", "Helper", "Engine", "Factory")
MUTE = re.compile(r"#\s*(noqa|type:\s*ignore|pylint:|pragma:|mypy:|ruff:|isort:)")


def find_excess(path: Path) -> Iterator[str]:
    """One line for each ceiling that a file breaks, `path:line: what`."""
    text = path.read_text(encoding="utf-8")
    where = path.relative_to(ROOT).as_posix()
    lines = text.splitlines()
    if len(lines) > MAX_FILE_LINES:
        yield f"{where}:1: {len(lines)} lines in a file, at most {MAX_FILE_LINES}"
    for number, line in enumerate(lines, start=1):
        if mute := MUTE.search(line):
            yield f"{where}:{number}: a check is muted ({mute.group()}); mend what it found"
    for node in ast.walk(ast.parse(text, filename=where)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            n_lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if n_lines > MAX_FUNCTION_LINES:
                yield f"{where}:{node.lineno}: {n_lines} lines in {node.name}(), at most {MAX_FUNCTION_LINES}"
        elif isinstance(node, ast.ClassDef) and node.name.endswith(EMPTY_CLASS_ENDINGS):
            yield f"{where}:{node.lineno}: the class name {node.name} does not say what it is"


def find_misplaced(path: Path) -> Iterator[str]:
    """One line for each thing that is wrong with where a file lies or how it is called."""
    inside = path.relative_to(ROOT).parts
    package = inside[inside[:2] == ("src", "firesteel") :][
        1:
    ]  # parts below src/firesteel, or below tests, scripts, ...
    if len(package) > MAX_DEPTH:
        yield f"{'/'.join(inside)}:1: {len(package) - 1} folders deep, at most {MAX_DEPTH - 1}"
    for part in (*package[:-1], path.stem.removeprefix("test_")):
        if part.strip("_") in EMPTY_NAMES:
            yield f"{'/'.join(inside)}:1: the name '{part}' does not say what is in it"


def main() -> int:
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    found = [line for path in paths for find in (find_excess, find_misplaced) for line in find(path)]
    print("\n".join([*found, f"ceilings: {len(found)} broken in {len(paths)} files"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
