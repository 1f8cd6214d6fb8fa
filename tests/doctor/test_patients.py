"""Whole scripts: every planted bug is found with its id and line, and the healthy ones are left in peace."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from firesteel.doctor import Diagnosis

PATIENTS = Path(__file__).parent / "patients"
SICK = sorted(PATIENTS.glob("sick_*.py"))
HEALTHY = sorted(PATIENTS.glob("healthy_*.py"))


@dataclass(frozen=True)
class Bug:
    """What the header of a patient names."""

    rule: str
    lines: tuple[int, ...]


def bugs_of(path: Path) -> list[Bug]:
    """`bugs: L01 at `fragment` or `other`; O01 at `...`` in the docstring, with the lines on which they stand."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    header = ast.get_docstring(tree) or ""
    n_header = tree.body[0].end_lineno or 0
    found = []
    named = " ".join(header.partition("bugs:")[2].split())
    for rule, places in re.findall(r"([A-Z]\d\d) at ((?:`[^`]+`(?: or )?)+)", named):
        lines = []
        for fragment in re.findall(r"`([^`]+)`", places):
            at = [i for i, line in enumerate(text.splitlines(), 1) if i > n_header and fragment in line]
            assert len(at) == 1, f"{path.name}: {fragment!r} stands on lines {at}"
            lines += at
        found.append(Bug(rule, tuple(lines)))
    return found


@pytest.mark.parametrize("path", SICK, ids=lambda path: path.stem)
def test_every_planted_bug_is_found(path: Path, examine_patient) -> None:
    diagnosis: Diagnosis = examine_patient(path)
    bugs = bugs_of(path)
    assert bugs
    assert not diagnosis.failures, [one.trace for one in diagnosis.failures]
    for bug in bugs:
        lines = [one.line for one in diagnosis.findings if one.rule == bug.rule]
        assert set(lines) & set(bug.lines), f"{bug} not in {[(one.rule, one.line) for one in diagnosis.findings]}"


@pytest.mark.parametrize("path", HEALTHY, ids=lambda path: path.stem)
def test_the_healthy_are_left_in_peace(path: Path, examine_patient) -> None:
    diagnosis: Diagnosis = examine_patient(path)
    assert not diagnosis.failures, [one.trace for one in diagnosis.failures]
    assert [(one.rule, one.line, one.evidence) for one in diagnosis.findings if one.level in "EW"] == []
