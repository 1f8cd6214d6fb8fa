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


@pytest.fixture(scope="module")
def of_nothing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each rule answers to a script that trains nothing."""
    from firesteel.doctor import examine

    path = tmp_path_factory.mktemp("nothing") / "script.py"
    path.write_text("import torch\nprint(torch.ones(2))\n", encoding="utf-8")
    return {one.rule: one.outcome for one in examine(path).outcomes}


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if not rule.is_static])
def test_where_nothing_was_trained_there_is_nothing_to_look_at(name: str, of_nothing: dict[str, str]) -> None:
    assert of_nothing[name] == "not applicable"


def test_every_rule_of_the_catalogue_is_there() -> None:
    counts = {letter: sum(name[0] == letter for name in RULES) for letter in GROUPS}
    assert counts == {"L": 10, "O": 11, "G": 5, "D": 10, "V": 8, "S": 12, "A": 9}
