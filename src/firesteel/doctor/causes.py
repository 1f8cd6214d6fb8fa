"""One cause, one line: what the run showed and what the source shows of the same bug are named at the same place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from firesteel.doctor.findings import Finding

#: Where the source shows the cause of what a rule saw: the rule of the source, and what the line that it names ends
#: with (nothing: whatever it is).
_CAUSES: dict[str, tuple[str, tuple[str, ...]]] = {
    "O01": ("A01", (".zero_grad",)),
    "O03": ("A01", (".step", ".backward")),
    "V01": ("A01", (".eval",)),
    "V02": ("A01", (".train",)),
    "S05": ("A08", ()),
}


def at_their_causes(findings: Iterable[Finding], ask: Callable[[str], Iterable[Finding]]) -> list[Finding]:
    """The findings, those moved to the line of the cause for which the source shows one, with its fix.

    Args:
        ask: the findings of a rule by its id.
    """
    return [_at_cause(one, ask) for one in findings]


def _at_cause(finding: Finding, ask: Callable[[str], Iterable[Finding]]) -> Finding:
    if finding.level == "N" or finding.rule not in _CAUSES:
        return finding
    rule, ends = _CAUSES[finding.rule]
    causes = [one for one in ask(rule) if one.path == finding.path and (not ends or _text(one).endswith(ends))]
    if not causes or any(one.line == finding.line for one in causes):
        return finding
    cause = causes[0]
    return replace(
        finding, line=cause.line, column=cause.column, end_column=cause.end_column, source=cause.source, fix=cause.fix
    )


def _text(finding: Finding) -> str:
    return finding.source[finding.column - 1 : finding.end_column - 1]
