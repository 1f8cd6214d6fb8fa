"""Every rule: its page's programs run, the sick one is found, the healthy one is passed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from firesteel.doctor import Diagnosis
from firesteel.doctor.rules import GROUPS, all_rules

RULES = all_rules()


@pytest.mark.parametrize("name", RULES)
def test_the_sick_program_of_its_page_is_found(name: str, diagnose: Callable[..., Diagnosis]) -> None:
    diagnosis = diagnose(RULES[name].sick, only=[name])
    assert not diagnosis.failures
    assert [one.rule for one in diagnosis.findings] == [name], diagnosis.outcomes
    assert diagnosis.findings[0].line > 0


@pytest.mark.parametrize("name", RULES)
def test_the_healthy_program_of_its_page_is_passed(name: str, diagnose: Callable[..., Diagnosis]) -> None:
    diagnosis = diagnose(RULES[name].healthy, only=[name])
    assert not diagnosis.failures
    assert [one.outcome for one in diagnosis.outcomes] == ["passed"], diagnosis.outcomes


@pytest.mark.parametrize("name", RULES)
def test_its_texts_are_there(name: str) -> None:
    rule = RULES[name]
    assert re.fullmatch(rf"[{''.join(GROUPS)}]\d\d", rule.id)
    assert type(rule).__module__.rpartition(".")[2].startswith(f"{name.lower()}_")
    for text in (rule.title, rule.what, rule.detected, rule.silent):
        assert text
        assert text == text.strip()
    assert rule.what.endswith(".")
