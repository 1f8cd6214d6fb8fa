"""An entry and what its run gave, as a page of docs/learn."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w

from firesteel.gallery.entries import Entry, Group, Value, spoken
from firesteel.gallery.running import Drawing, Outcome
from firesteel.gallery.touring import code_of, saying_of

#: Names the entry that a page was made from.
_MARK = "<!-- made from entry {} by scripts/docs.py: change the entry, not this page -->"
_MARKED = re.compile(r"<!-- made from entry ([0-9a-f]+) ")
#: A list of numbers as tomli_w writes it, a line each.
_LONG_LIST = re.compile(r"\[\n((?:    [^\n]*,\n)+)\]")
#: Steps of a tour whose lines are worth reading.
_WITH_CODE = ("tensor-tour", "autograd-tour")


def fingerprint_in(page: str) -> str:
    """The fingerprint of the entry that a page was made from; "" for another page."""
    found = _MARKED.match(page)
    return found[1] if found else ""


def learn_page(outcome: Outcome, *, figures: Mapping[str, Drawing], before: Entry | None, after: Entry | None) -> str:
    """The page of an entry: question, paragraph, figures, reached beside expected, the recipe, and where to go on.

    `figures` lie beside the page as `images/ID-NAME.png`.
    """
    entry = outcome.entry
    parts = [
        _MARK.format(entry.fingerprint),
        f"# {entry.title}",
        f"*{entry.asks}*",
        outcome.paragraph,
        *(
            f"![{entry.title}: {name.replace('-', ' ')}](images/{entry.id}-{name}.png)\n\n*{drawing.caption}*"
            for name, drawing in figures.items()
        ),
        *_steps(outcome),
        *_table(outcome),
        *_recipe(entry),
        _ways(before, after),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def path_page(groups: Sequence[Group], entries: Mapping[str, Entry]) -> str:
    """The list of all pages, in the order of the path."""
    lines = [
        "# Learn",
        "From f(x) = 3x to a convolutional net: each page is a program that runs. `firesteel gallery run ID` runs it "
        "on your machine; the numbers and pictures of a page are those of such a run.",
    ]
    for group in groups:
        lines += [f"## {group.title}", group.about]
        lines.append("\n".join(f"- [{entries[name].title}]({name}.md) `{name}`" for name in group.entries))
    return "\n\n".join(lines) + "\n"


def steps_of(outcome: Outcome) -> list[tuple[str, str, Value]]:
    """Of a tour whose code is worth reading, each step: what it shows, its lines as they are typed, what it gives."""
    if outcome.entry.id not in _WITH_CODE:
        return []
    return [(saying_of(name), f"import torch\n\n{code_of(name)}", shown.value) for name, shown in outcome.shown.items()]


def _steps(outcome: Outcome) -> list[str]:
    coded = steps_of(outcome)
    if coded:
        return [f"{saying}\n\n```python\n{code}\n```\n\n```text\n{spoken(value)}\n```" for saying, code, value in coded]
    return [
        f"- {saying_of(name)} **{spoken(shown.value)}**" for name, shown in outcome.shown.items() if not shown.picture
    ]


def _table(outcome: Outcome) -> list[str]:
    if not outcome.reached:
        return [f"Not run yet: {outcome.not_applicable}."] if outcome.not_applicable else []
    rows = [
        f"| {one.expected.what} | {spoken(one.value)} | {one.expected.bar(is_fast=outcome.is_fast)} |"
        for one in outcome.reached
    ]
    head = f"What it must reach, and what it reached here (seed {outcome.seed}):"
    return [head, "\n".join(["| | reached | expected |", "|---|---|---|", *rows])]


def _recipe(entry: Entry) -> list[str]:
    """What to type, and the recipe with what each run changes in it."""
    command = f"```sh\nfiresteel gallery run {entry.id}\n```"
    if not entry.recipe:
        return [f"<!-- not run: it is run where this page is made -->\n{command}"] if not entry.later else []
    blocks = [_toml(entry.recipe)]
    for name, run in entry.runs.items():
        said = f"# {name}{': ' + run.label if run.label else ''}"
        many = f"# seed = 0 to {run.starts - 1}, all at once\n" if run.starts > 1 else ""
        blocks.append(f"{said}\n{many}{_toml(run.recipe)}".rstrip())
    text = "\n\n".join(block.strip() for block in blocks)
    note = "<!-- not run: it is run where this page is made -->\n"
    return [
        f"{note}{command}",
        f"The recipe{', and what each run changes in it' if entry.runs else ''}:",
        f"```toml\n{text}\n```",
    ]


def _toml(fields: Mapping[str, Any]) -> str:
    """Lists of numbers on one line, as people write them."""
    return _LONG_LIST.sub(
        lambda found: f"[{', '.join(found[1].replace(',', '').split())}]", tomli_w.dumps(dict(fields))
    )


def _ways(before: Entry | None, after: Entry | None) -> str:
    ways = [f"[← {before.title}]({before.id}.md)"] if before else []
    ways.append("[all pages](index.md)")
    ways += [f"[{after.title} →]({after.id}.md)"] if after else []
    return " · ".join(ways)
