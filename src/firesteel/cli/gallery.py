"""`firesteel gallery`: the path, one worked example, or all of them checked."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from firesteel.cli.progress import training_bar
from firesteel.cli.text import WIDTH, print_lines, wrapped
from firesteel.errors import RecipeError

if TYPE_CHECKING:
    from firesteel.gallery import Outcome

EXIT_MISSED = 1
_ID_WIDTH = 21


def gallery(
    action: Annotated[Literal["list", "run", "check"], Parameter(help="list them, run one, or check all")] = "list",
    /,
    *names: Annotated[str, Parameter(name="ID", help="which ones")],
    seeds: Annotated[int, Parameter(help="check each with so many seeds, from 0")] = 1,
    fast: Annotated[bool, Parameter(help="cut long trainings short", negative="")] = False,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], help="the run folder (default: runs/ID)")] = None,
    force: Annotated[bool, Parameter(help="replace an earlier run", negative="")] = False,
    data_dir: Annotated[Path | None, Parameter(help="a folder where named sets lie already")] = None,
    offline: Annotated[bool, Parameter(help="download nothing", negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", help="print JSON", negative="")] = False,
) -> int:
    """Worked examples on the way from f(x) = 3x to a convolutional net, each with what it must reach.

    `gallery` lists them, `gallery run ID` runs one and writes its run folder, `gallery check` runs all and ends with 1
    when one misses what it must reach.
    """
    if action == "list":
        if names:
            raise RecipeError(
                "the list is of all entries",
                found=f"'{names[0]}' was given",
                hint=f"firesteel gallery run {names[0]}",
            )
        return _list(as_json=as_json)
    if action == "run" and len(names) != 1:
        raise RecipeError(
            "gallery run takes the id of one entry",
            found=f"{len(names)} were given",
            hint="firesteel gallery run line-3x     firesteel gallery lists all of them",
        )
    if action == "run" and seeds != 1:
        raise RecipeError(
            "gallery run runs one seed",
            found=f"--seeds is {seeds}",
            hint=f"firesteel gallery check {names[0]} --seeds 10",
        )
    from firesteel import api

    place = (output or Path("runs") / names[0]) if action == "run" else output
    outcomes: list[Outcome] = []
    with training_bar(is_quiet=as_json) as (observer, _):
        for outcome in api.gallery(
            *names, seeds=seeds, fast=fast, output=place, force=force, data_dir=data_dir, offline=offline,
            observer=observer,
        ):  # fmt: skip
            outcomes.append(outcome)
            if not as_json:
                print_lines(_run_lines(outcome, place) if action == "run" else _check_lines(outcome))
                sys.stdout.flush()
    if as_json:
        sys.stdout.write(json.dumps([one.to_dict() for one in outcomes], ensure_ascii=False) + "\n")
    elif action == "check":
        print_lines(_sum_lines(outcomes))
    return 0 if all(one.is_met for one in outcomes) else EXIT_MISSED


def _list(*, as_json: bool) -> int:
    from firesteel.gallery import read_entries, read_path

    entries = read_entries()
    if as_json:
        records = [
            entry.model_dump(include={"id", "title", "asks", "also", "needs", "later"}) for entry in entries.values()
        ]
        sys.stdout.write(json.dumps(records, ensure_ascii=False) + "\n")
        return 0
    lines: list[str] = []
    for group in read_path():
        lines += [group.title, *wrapped(group.about, indent="  ")]
        for name in group.entries:
            lines += _item(name, entries[name].title)
            if also := entries[name].also:
                lines += _item("", f"also {', '.join(also)}")
        lines.append("")
    print_lines([*lines, "firesteel gallery run line-3x     runs one; firesteel gallery check --fast, all"])
    return 0


def _item(name: str, text: str) -> list[str]:
    head = f"  {name:<{_ID_WIDTH}}"
    gap = " " * len(head)
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=gap, break_on_hyphens=False)


def _run_lines(outcome: Outcome, place: Path | None) -> list[str]:
    """The question, the answer with its numbers, and what was reached beside what must be."""
    entry = outcome.entry
    if outcome.not_applicable:
        return [entry.title, "", *wrapped(f"not applicable because {outcome.not_applicable}")]
    paragraphs = [line for part in outcome.paragraph.split("\n\n") for line in (*_part_lines(part), "")]
    lines = [entry.title, *wrapped(entry.asks), "", *paragraphs, *_step_lines(outcome), *_reached_lines(outcome)]
    if any(one.picture for one in outcome.shown.values()):
        lines += ["", f"pictures saved in {place}"]
    if outcome.runs:
        first = f"{place}/{next(iter(outcome.runs))}" if len(outcome.runs) > 1 else f"{place}"
        lines += [
            "",
            f"saved in {place}; its report.html opens in a browser. Next:",
            f"  firesteel show {first}",
        ]
    return lines


def _step_lines(outcome: Outcome) -> list[str]:
    """The lines of code of a tour that is about code, and what each gives."""
    from firesteel.gallery import spoken, steps_of

    lines: list[str] = []
    for saying, code, value in steps_of(outcome):
        lines += [*wrapped(saying), "", *(f"    {line}" for line in code.splitlines()), f"    -> {spoken(value)}", ""]
    return lines


def _part_lines(part: str) -> list[str]:
    """A paragraph, or a list of which each item begins with a dash."""
    items = part.removeprefix("- ").split("\n- ") if part.startswith("- ") else []
    if not items:
        return wrapped(" ".join(part.split()))
    return [
        f"- {line[2:]}" if i == 0 else line
        for item in items
        for i, line in enumerate(wrapped(" ".join(item.split()), indent="  "))
    ]


def _check_lines(outcome: Outcome) -> list[str]:
    """A line for the entry, and one for each thing that it must reach."""
    word = "n/a" if outcome.not_applicable else "ok" if outcome.is_met else "MISSED"
    seed = f" seed {outcome.seed}" if outcome.seed else ""
    head = f"{word:<7}{outcome.entry.id}{seed}"
    if outcome.not_applicable:
        return [head, *wrapped(f"not applicable because {outcome.not_applicable}", indent=" " * 7)]
    return [f"{head}  {outcome.seconds:.1f} s", *_reached_lines(outcome, indent=" " * 7)]


def _reached_lines(outcome: Outcome, *, indent: str = "  ") -> list[str]:
    from firesteel.gallery import spoken

    lines = []
    for one in outcome.reached:
        mark = "" if one.is_met else "   <- missed"
        said = f"{one.expected.what}: {spoken(one.value)} ({one.expected.bar(is_fast=outcome.is_fast)}){mark}"
        lines += wrapped(said, indent=indent)
    return lines


def _sum_lines(outcomes: list[Outcome]) -> list[str]:
    n_out = sum(bool(one.not_applicable) for one in outcomes)
    missed = [one for one in outcomes if not one.is_met]
    seconds = sum(one.seconds for one in outcomes)
    words = f"{len(outcomes) - n_out - len(missed)} reached, {len(missed)} missed, {n_out} not applicable"
    named = f": {', '.join(dict.fromkeys(one.entry.id for one in missed))}" if missed else ""
    return ["", *wrapped(f"{words}, {seconds:.0f} s{named}")]
