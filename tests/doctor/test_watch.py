"""`with firesteel.watch() as seen:` around a loop of one's own, in notebooks too."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy  # bound before anybody watches
from torch.nn.functional import softmax as squash

import firesteel


def train(n_steps: int = 6, *, is_squashed: bool = True) -> None:
    torch.manual_seed(0)
    x, y = torch.randn(32, 3), torch.randint(0, 3, (32,))
    net = nn.Linear(3, 3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(n_steps):
        optimizer.zero_grad()
        z = net(x)
        loss = cross_entropy(squash(z, 1) if is_squashed else z, y)
        loss.backward()
        optimizer.step()


def test_names_that_were_imported_before_are_seen() -> None:
    with firesteel.watch(only=["L01"]) as seen:
        train()
    (finding,) = seen.report.findings
    assert finding.rule == "L01"
    assert finding.path == __file__
    assert "squash(z, 1)" in finding.source
    assert seen.report.seen["steps"] == 6


def test_a_healthy_loop_has_no_error() -> None:
    with firesteel.watch() as seen:
        train(is_squashed=False)
    assert [one.rule for one in seen.report.findings if one.level == "E"] == []


def test_the_report_shows_itself() -> None:
    with firesteel.watch(only=["L01"]) as seen:
        train()
    page = seen._repr_html_()
    assert page.startswith("<div class='fs-doctor'>")
    assert "<mark>squash(z, 1)</mark>" in page
    assert "L01 error" in page
    assert "1 error" in str(seen.report)


def test_the_report_is_there_when_the_block_has_ended() -> None:
    with firesteel.watch() as seen, pytest.raises(RuntimeError, match="when the block has ended"):
        _ = seen.report


def test_an_error_of_the_block_passes_and_what_was_seen_is_reported() -> None:
    seen = firesteel.watch(only=["L01"])

    def train_and_fail() -> None:
        with seen:
            train()
            raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError):
        train_and_fail()
    assert [one.rule for one in seen.report.findings] == ["L01"]
    assert seen.report.stopped == "error: ZeroDivisionError: mine"


def test_a_second_block_starts_anew() -> None:
    for n_steps in (2, 4):
        with firesteel.watch() as seen:
            train(n_steps)
        assert seen.report.seen["steps"] == n_steps


def test_a_net_that_was_made_before_is_watched_too() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Softmax(1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with firesteel.watch(only=["L01"]) as seen:
        for _ in range(3):
            optimizer.zero_grad()
            cross_entropy(net(torch.ones(4, 2)), torch.zeros(4, dtype=torch.long)).backward()
            optimizer.step()
    (finding,) = seen.report.findings
    assert "cross_entropy(net(torch.ones(4, 2))" in finding.source


def test_what_can_be_ignored_is_ignored() -> None:
    with firesteel.watch(ignore=["L"]) as seen:
        train()
    assert not [one for one in seen.report.outcomes if one.rule[0] == "L"]


def test_a_line_can_be_silenced() -> None:
    torch.manual_seed(0)
    net, x, y = nn.Linear(3, 3), torch.randn(8, 3), torch.randint(0, 3, (8,))
    with firesteel.watch(only=["L01"]) as seen:
        for _ in range(3):
            z = squash(net(x), 1)  # doctor: ok L01
            cross_entropy(z, y).backward()
    assert [(one.outcome, one.reason[:20]) for one in seen.report.outcomes] == [("ignored", "`# doctor: ok` stand")]
