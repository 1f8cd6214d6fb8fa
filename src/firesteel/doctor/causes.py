"""One cause, one place: what follows from a finding is named at its line, as a note, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from firesteel.doctor.findings import Finding, Outcome
from firesteel.doctor.rules.rule import Rule

#: Where the source shows the cause of what a rule saw: the rule of the source, and what the line that it names ends
#: with (nothing: whatever it is).
_CAUSES: dict[str, tuple[str, tuple[str, ...]]] = {
    "O01": ("A01", (".zero_grad",)),
    "O03": ("A01", (".step", ".backward")),
    "V01": ("A01", (".eval",)),
    "V02": ("A01", (".train",)),
    "S05": ("A08", ()),
}

#: What follows of itself from a finding of these rules on the same line, and then is a note.
_FOLLOWS = {"D07": {"L08", "L09", "L10"}, "D09": {"L05"}, "O06": {"O04"}, "S03": {"L06"}, "S05": {"O11"}}


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
    causes = [
        one
        for one in ask(rule)
        if one.level != "N" and one.path == finding.path and (not ends or _text(one).endswith(ends))
    ]
    if not causes or any(one.line == finding.line for one in causes):
        return finding
    cause = causes[0]
    return replace(
        finding, line=cause.line, column=cause.column, end_column=cause.end_column, source=cause.source, fix=cause.fix
    )


def _text(finding: Finding) -> str:
    return finding.source[finding.column - 1 : finding.end_column - 1]


def after_causes(findings: list[Finding]) -> list[Finding]:
    """The findings, those whose cause is named on the same line as notes."""
    named = {(one.path, one.line, one.rule) for one in findings if one.level != "N"}
    return [
        replace(one, level="N", why=f"{one.why}; it follows from {cause}") if cause else one
        for one in findings
        for cause in [next((rule for rule in _FOLLOWS.get(one.rule, ()) if (one.path, one.line, rule) in named), "")]
    ]


def unless_explained(
    rule: Rule, answer: tuple[list[Finding], Outcome], causes: Iterable[Finding]
) -> tuple[list[Finding], Outcome]:
    """The answer of a rule, but for findings that come of what another rule found: a reader wants the cause."""
    if rule.level != "N" and not any(one.level != "N" for one in answer[0]):
        return answer
    cause = cause_among(causes)
    return answer if cause is None else explained(rule, cause)


def cause_among(causes: Iterable[Finding]) -> Finding | None:
    """The first that is more than a note."""
    return next((one for one in causes if one.level != "N"), None)


def explained(rule: Rule, cause: Finding) -> tuple[list[Finding], Outcome]:
    """The answer of a rule where what it would see comes of a cause."""
    return [], Outcome(rule.id, rule.title, "not applicable", f"{cause.rule} on line {cause.line} explains it")
