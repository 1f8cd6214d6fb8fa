"""The page of each rule, written from its fields: what `firesteel explain` prints, and `docs/doctor/`."""

from __future__ import annotations

import textwrap

from firesteel.doctor.findings import LEVELS
from firesteel.doctor.rules import GROUPS, all_rules

WIDTH = 80


def to_list() -> str:
    """All rules by group, a line each."""
    lines = []
    for letter, group in GROUPS.items():
        rules = [rule for name, rule in all_rules().items() if name[0] == letter]
        if rules:
            lines += [f"{letter}  {group}", *(f"   {one.id}  {LEVELS[one.level]:<8} {one.title}" for one in rules), ""]
    return "\n".join([*lines, "firesteel explain O01     says what a rule finds, how, and when it is silent"])


def index_page() -> str:
    """The list of all rules for the docs, each a link to its page; Markdown."""
    lines = ["# What the doctor finds\n"]
    for letter, group in GROUPS.items():
        rules = [rule for name, rule in all_rules().items() if name[0] == letter]
        lines += [f"## {letter}: {group}\n", "| rule | level | what |", "| --- | --- | --- |"]
        lines += [f"| [{one.id}]({one.id}.md) | {LEVELS[one.level]} | {one.title} |" for one in rules]
        lines.append("")
    return "\n".join([*lines, "Written from the rules by `scripts/docs.py`. `firesteel explain O01` prints a page.\n"])


def to_rule_page(name: str) -> str:
    """What happens, a sick and a healthy program, how it is detected, when it does not apply; Markdown."""
    rule = all_rules()[name]
    return "\n".join(
        [
            f"# {rule.id}: {rule.title}\n",
            f"{_wrapped(f'Level: {LEVELS[rule.level]}. Group {rule.id[0]}, {GROUPS[rule.id[0]]}.')}\n",
            f"## What happens\n\n{_wrapped(rule.what)}\n",
            f"## Sick\n\n```python\n{rule.sick.strip()}\n```\n",
            f"## Healthy\n\n```python\n{rule.healthy.strip()}\n```\n",
            f"## How it is detected\n\n{_wrapped(rule.detected)}\n",
            f"## When it does not apply\n\n{_wrapped(rule.silent)}\n",
            f"Silence it for one line with `# doctor: ok {rule.id}`, for a run with `--ignore {rule.id}`.\n",
        ]
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False)
