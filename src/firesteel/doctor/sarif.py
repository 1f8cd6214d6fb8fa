"""A diagnosis as SARIF 2.1.0, which editors and code hosts read.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from firesteel.doctor.findings import Finding, Verdict
from firesteel.doctor.rules import all_rules

_LEVELS = {"E": "error", "W": "warning", "N": "note"}
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def to_sarif(diagnosis: Verdict, *, version: str) -> dict[str, Any]:
    """One run with every rule that answered, and one result for each finding."""
    rules = all_rules()
    described = [
        {
            "id": one.rule,
            "name": one.title,
            "shortDescription": {"text": one.title},
            "fullDescription": {"text": rules[one.rule].what},
            "defaultConfiguration": {"level": _LEVELS[rules[one.rule].level]},
        }
        for one in diagnosis.outcomes
    ]
    driver = {"name": "firesteel doctor", "version": version, "rules": described}
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": [_result(one) for one in diagnosis.findings]}],
    }


def _result(one: Finding) -> dict[str, Any]:
    region = {
        "startLine": max(one.line, 1),
        "startColumn": one.column,
        "endColumn": max(one.end_column, one.column + 1),
    }
    place = {"artifactLocation": {"uri": _uri(one.path)}, "region": region}
    return {
        "ruleId": one.rule,
        "level": _LEVELS[one.level],
        "message": {"text": f"{one.message}. Seen: {one.evidence}. Fix:\n{one.fix}"},
        "locations": [{"physicalLocation": place}],
    }


def _uri(path: str) -> str:
    """Relative to where we are, where the file lies below; else absolute."""
    whole = Path(path)
    if path.startswith("<"):
        return path
    here = Path.cwd()
    absolute = whole if whole.is_absolute() else here / whole
    return absolute.relative_to(here).as_posix() if absolute.is_relative_to(here) else absolute.as_uri()
