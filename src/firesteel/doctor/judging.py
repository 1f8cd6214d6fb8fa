"""All rules over what was seen: each answers exactly once, and a crash of one is said as a crash."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from firesteel.doctor.causes import after_causes, at_their_causes, cause_among, explained, unless_explained
from firesteel.doctor.facts import Facts
from firesteel.doctor.findings import Finding, Outcome
from firesteel.doctor.rules import GROUPS, Case, NotApplicable, Rule, all_rules
from firesteel.doctor.rules.rule import place_among_causes
from firesteel.doctor.shields import Failure, Shield
from firesteel.doctor.source import Sources

_ORDER = {"E": 0, "W": 1, "N": 2}
#: Replays take at most this share of the run, or this many seconds, whichever is more.
PROBE_SHARE = 0.1
PROBE_S = 20.0


class _Judging:
    """What a shield pauses where nothing is watched."""

    is_paused = False


def rule_ids() -> list[str]:
    """All rules, in the order of their groups."""
    return list(all_rules())


def is_known_rule(word: str) -> bool:
    """An id or the letter of a group."""
    return word in all_rules() or word in GROUPS


def choose_rules(
    only: Collection[str] = (), ignore: Collection[str] = (), *, is_static: bool = False
) -> Mapping[str, Rule]:
    """The rules of these ids or groups (all, if none are named) but those ignored; those that need no run."""

    def is_named(rule: str, words: Collection[str]) -> bool:
        return rule in words or rule[0] in words

    return {
        name: rule
        for name, rule in all_rules().items()
        if (not only or is_named(name, only)) and not is_named(name, ignore) and (rule.is_static or not is_static)
    }


def judge(
    facts: Facts, rules: Mapping[str, Rule], *, failures: dict[str, Failure], probes: bool = True, run_s: float = 0.0
) -> tuple[list[Finding], list[Outcome]]:
    """Findings, worst first, and one outcome a rule."""
    limit_s, spent_s = max(PROBE_S, PROBE_SHARE * run_s), 0.0
    answers: dict[str, tuple[list[Finding], Outcome]] = {}

    def answer(rule: Rule) -> tuple[list[Finding], Outcome]:
        nonlocal spent_s
        if rule.id not in answers:
            began, before = time.perf_counter(), spent_s
            probing = replace(case, probes=probes and spent_s < limit_s)
            cause = cause_among(causes_of(rule)) if rule.asks_causes_first else None
            if cause is not None:  # its replays would tell nothing new
                found, outcome = explained(rule, cause)
            else:
                found, outcome = unless_explained(rule, judge_one(rule, probing, failures), causes_of(rule))
            answers[rule.id] = at_their_causes(found, lambda one: answer(all_rules()[one])[0]), outcome
            spent_s = before + (time.perf_counter() - began) * rule.has_replay
        return answers[rule.id]

    def causes_of(rule: Rule) -> Iterable[Finding]:
        return (one for name in rule.consequence_of if name in rules for one in answer(rules[name])[0])

    def ask() -> list[Finding]:
        others = [rule for rule in all_rules().values() if not rule.is_header]
        return sort_findings(after_causes([finding for rule in others for finding in answer(rule)[0]]))

    case = Case(facts, Sources(), probes=probes, ask=ask)
    answered = [answer(rule) for rule in rules.values()]
    return sort_findings(after_causes([one for found, _ in answered for one in found])), [
        outcome for _, outcome in answered
    ]


def judge_one(rule: Rule, case: Case, failures: dict[str, Failure]) -> tuple[list[Finding], Outcome]:
    found: list[Finding] = []
    reason = ""
    doing = f"rule {rule.id}"
    with Shield(_Judging(), failures, doing):
        try:
            found = list(rule.judge(case))
        except NotApplicable as answer:
            reason = str(answer)
    failed = next((one for one in failures.values() if one.doing == doing), None)
    if failed is not None:
        return [], Outcome(rule.id, rule.title, "failed", failed.error)
    if reason:
        return [], Outcome(rule.id, rule.title, "not applicable", reason)
    kept = _without_doubles(one for one in found if not case.sources[one.path].is_silenced(rule.id, one.line))
    if found and not kept:
        lines = ", ".join(str(one.line) for one in found)
        return [], Outcome(rule.id, rule.title, "ignored", f"`# doctor: ok` stands on line {lines}")
    return kept, Outcome(rule.id, rule.title, "finding" if kept else "passed")


def _without_doubles(findings: Iterable[Finding]) -> list[Finding]:
    """One finding a line, the worst."""
    best: dict[tuple[str, int], Finding] = {}
    for one in findings:
        known = best.get((one.path, one.line))
        if known is None or _ORDER[one.level] < _ORDER[known.level]:
            best[(one.path, one.line)] = one
    return list(best.values())


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Worst first; of one level, what keeps the net from learning before what only flatters a score."""
    return sorted(
        findings,
        key=lambda one: (_ORDER[one.level], place_among_causes(one.rule), one.path, one.line, one.rule),
    )
