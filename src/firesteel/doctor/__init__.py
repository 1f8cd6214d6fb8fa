"""Silent bugs in anyone's training script: found while it runs, with line, evidence and fix. Knows no other room."""

from __future__ import annotations

from firesteel.doctor.diagnosis import Diagnosis
from firesteel.doctor.examining import Examination, examine, look_at, watch
from firesteel.doctor.findings import Finding, Outcome
from firesteel.doctor.html import to_page
from firesteel.doctor.judging import choose_rules, is_known_rule, rule_ids
from firesteel.doctor.pages import index_page, to_list, to_rule_page
from firesteel.doctor.sarif import to_sarif
from firesteel.doctor.watching import is_watching

__all__ = [
    "Diagnosis",
    "Examination",
    "Finding",
    "Outcome",
    "choose_rules",
    "examine",
    "index_page",
    "is_known_rule",
    "is_watching",
    "look_at",
    "rule_ids",
    "to_list",
    "to_page",
    "to_rule_page",
    "to_sarif",
    "watch",
]
