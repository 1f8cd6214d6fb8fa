"""The doctor looks at fit's own training, and at the net that a user brings."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import firesteel
from firesteel.doctor import rule_ids
from firesteel.model.examining import RULES


class Squashed(nn.Module):
    def __init__(self, d_in: int, d_out: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(d_in, 8), nn.Linear(8, d_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.out(torch.relu(self.hidden(x))), 1)


def make(d_in: int, d_out: int) -> nn.Module:
    return Squashed(d_in, d_out)


@pytest.mark.parametrize("source", ["iris", "diabetes", "digits"])
def test_our_own_training_has_no_findings(source: str, quick) -> None:
    record = firesteel.fit(source, **quick).report.doctor
    assert record["findings"] == []
    assert record["failures"] == []
    assert record["seen"]["backwards"] == 8
    named = {rule for rule in rule_ids() if rule.startswith(RULES)}
    assert {one["rule"] for one in record["rules"]} == named


def test_a_bug_of_the_users_net_is_named_with_its_line(quick) -> None:
    model = firesteel.fit("iris", net=make, **quick)
    (finding,) = [one for one in model.report.doctor["findings"] if one["level"] == "E"]
    assert finding["rule"] == "L01"
    assert finding["file"] == __file__
    assert "torch.softmax" in finding["fix"]
    assert any(notice.code == "doctor" and "L01" in notice.text for notice in model.report.notices)


def test_the_record_is_kept_with_the_model(tmp_path, quick) -> None:
    model = firesteel.fit("iris", output=tmp_path / "run", **quick)
    assert firesteel.load(tmp_path / "run").report.doctor == model.report.doctor


def test_random_states_are_left_alone(quick) -> None:
    before = torch.get_rng_state()
    firesteel.fit("iris", **quick)
    assert torch.equal(before, torch.get_rng_state())
