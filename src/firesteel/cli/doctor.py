"""`firesteel doctor` and `firesteel explain`."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from firesteel.cli.text import print_lines
from firesteel.errors import RecipeError

if TYPE_CHECKING:
    from firesteel.doctor import Diagnosis

EXIT_FOUND, EXIT_WRONG, EXIT_INTERRUPTED = 1, 2, 130

#: The words of `doctor` that take a value, and those that stand alone.
WITH_VALUE = frozenset({"--steps", "--time", "--only", "--ignore", "--output", "-o"})
ALONE = frozenset({"--json", "--sarif", "--no-probes", "--static", "-m", "--help", "-h"})
_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


def doctor(
    script: Annotated[str, Parameter(name="SCRIPT", help="the training script; with --static a file or folder")],
    /,
    *args: Annotated[str, Parameter(name="ARGS", help="what the script is given")],
    is_module: Annotated[
        bool, Parameter(name="-m", help="SCRIPT is a module, as behind python -m", negative="")
    ] = False,
    static: Annotated[bool, Parameter(help="look at the source alone, run nothing", negative="")] = False,
    steps: Annotated[int | None, Parameter(help="stop the script after so many optimizer steps")] = None,
    time: Annotated[str | None, Parameter(help="stop the script after so long: 60s, 5m")] = None,
    only: Annotated[str, Parameter(help="only these rules or groups: O01,S")] = "",
    ignore: Annotated[str, Parameter(help="leave these rules or groups out: O01,S11")] = "",
    no_probes: Annotated[bool, Parameter(help="replay no steps on copies", negative="")] = False,
    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="write the report to a .html, .json, .sarif or .txt file")
    ] = None,
    as_json: Annotated[bool, Parameter(name="--json", help="print JSON", negative="")] = False,
    as_sarif: Annotated[bool, Parameter(name="--sarif", help="print SARIF", negative="")] = False,
) -> int:
    """Run a training script, watched, and report its silent bugs: line, evidence, fix.

    The script runs as `python SCRIPT ARGS` would. Words of the doctor may stand before it or behind it, unless the
    script itself knows them; everything behind `--` goes to the script. Ends with 1 if there are errors or warnings.
    """
    if as_json and as_sarif:
        raise RecipeError("one form is printed", found="--json and --sarif were given", hint="--json -o report.sarif")
    if steps is not None and steps < 1:
        raise RecipeError("at least one step is watched", found=f"--steps is {steps}", hint="--steps 100")
    is_record = as_json or as_sarif
    try:
        from firesteel import api  # takes seconds, in which an impatient user may press Ctrl-C

        with _script_on_stderr() if is_record else nullcontext():
            diagnosis = api.doctor(
                script, args, is_module=is_module, static=static, steps=steps, time_s=_seconds(time), only=_ids(only),
                ignore=_ids(ignore), probes=not no_probes, output=output,
            )  # fmt: skip
    except KeyboardInterrupt:  # one within the script ends the script alone
        sys.stderr.write(f"interrupted: nothing was judged in {script}\n")
        return EXIT_INTERRUPTED
    if is_record:
        sys.stdout.write(_record(diagnosis, as_sarif=as_sarif) + "\n")
    else:
        _print(diagnosis, output)
    if diagnosis.stopped == "interrupt":
        return EXIT_INTERRUPTED
    if not diagnosis.is_clean:
        return EXIT_FOUND
    return EXIT_WRONG if diagnosis.unjudged and diagnosis.script_exit != 0 else 0


def explain(
    rule: Annotated[str | None, Parameter(name="RULE", help="its id, like O01")] = None,
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", help="print JSON", negative="")] = False,
) -> int:
    """Say what a rule of the doctor finds, how, and when it is silent; without one, list all rules."""
    from firesteel import api

    page = api.explain(rule.upper() if rule else None)
    if as_json:
        sys.stdout.write(json.dumps({"rule": rule and rule.upper(), "page": page}, ensure_ascii=False) + "\n")
    else:
        print_lines(page.splitlines())
    return 0


def fence(words: Sequence[str]) -> list[str]:
    """The words behind `doctor`, those of the doctor first, then `--`, the script and what it is given."""
    own: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "--":
        own += _take(rest)
    if rest[:1] == ["--"]:
        return [*own, *rest]
    if not rest:
        return own
    script, given = rest.pop(0), []
    known = _text_of(script)
    while rest and rest[0] != "--":
        word = rest[0].partition("=")[0]
        is_own = word in WITH_VALUE | ALONE and not re.search(rf"""["']{re.escape(word)}["']""", known)
        if is_own:
            own += _take(rest)
        else:
            given.append(rest.pop(0))
    return [*own, "--", script, *given, *rest[1:]]


def _take(rest: list[str]) -> list[str]:
    """The next word, with its value if it takes one; they are removed from the list."""
    n = 2 if rest[0] in WITH_VALUE and len(rest) > 1 else 1
    taken, rest[:n] = rest[:n], []
    return taken


def _text_of(script: str) -> str:
    """The script's source, to see which words it knows itself; nothing if it cannot be read."""
    path = Path(script)
    if not path.is_file():
        from firesteel.api import find_module

        spec = find_module(script) if re.fullmatch(r"[\w.]+", script) else None
        path = Path(spec.origin) if spec is not None and spec.origin else path
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _ids(words: str) -> list[str]:
    return [word.strip().upper() for word in words.split(",") if word.strip()]


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if found is None or float(found.group(1)) == 0:
        raise RecipeError("a time is a number with s, m or h", found=f"--time is '{text}'", hint="--time 60s")
    return float(found.group(1)) * _UNITS[found.group(2)]


def _record(diagnosis: Diagnosis, *, as_sarif: bool) -> str:
    if not as_sarif:
        return json.dumps(diagnosis.to_dict(), ensure_ascii=False)
    from importlib.metadata import version

    from firesteel.doctor import to_sarif

    return json.dumps(to_sarif(diagnosis, version=version("firesteel")), ensure_ascii=False)


def _print(diagnosis: Diagnosis, output: Path | None) -> None:
    lines = str(diagnosis).splitlines()
    if output is not None:
        lines += ["", f"the report is in {output}"]
    print_lines(["", *lines] if diagnosis.script_exit is not None else lines)


@contextmanager
def _script_on_stderr() -> Iterator[None]:
    """What the script prints, its child processes too, goes to standard error: standard output is for the record."""
    sys.stdout.flush()
    before = sys.stdout
    descriptor = _descriptor()
    kept = os.dup(descriptor) if descriptor is not None else None
    if descriptor is not None:
        os.dup2(2, descriptor)
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        sys.stdout = before
        if kept is not None and descriptor is not None:
            os.dup2(kept, descriptor)
            os.close(kept)


def _descriptor() -> int | None:
    """The file descriptor of standard output; None where something else stands there, as in tests."""
    try:
        found = sys.stdout.fileno()
    except (OSError, ValueError):
        return None
    return found if found == 1 else None
