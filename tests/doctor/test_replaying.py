"""Captured steps, computed again on copies."""

from __future__ import annotations

import contextlib
import io
import textwrap

import pytest
import torch

from firesteel.doctor.changes import Change
from firesteel.doctor.facts import Facts
from firesteel.doctor.reexecuting import CannotReplay
from firesteel.doctor.replaying import replays_of
from firesteel.doctor.running import run_script
from firesteel.doctor.watching import Watch

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x, y = torch.randn(60, 6), torch.randint(0, 3, (60,))
def train(net, x=x, lr=0.05):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    for _ in range(12):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
"""


@pytest.fixture
def facts_of(tmp_path):
    def run(text: str) -> Facts:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        watch = Watch(script=str(path))
        with contextlib.redirect_stdout(io.StringIO()):
            run_script(str(path), [], watch)
        assert not watch.failures
        return watch.facts

    return run


@pytest.fixture
def whole(monkeypatch):
    """No rows are held out of a full batch."""
    monkeypatch.setattr("firesteel.doctor.replaying.hold_rows", lambda *_: None)


def test_a_full_batch_is_compared_by_rows_that_are_not_trained_on(facts_of):
    text = HEAD + "train(nn.Sequential(nn.Linear(6, 256), nn.Tanh(), nn.Linear(256, 3)), lr=0.2)"
    curve = replays_of(facts_of(text.replace("range(12)", "range(300)"))).curve(Change())
    assert curve.is_held_out
    assert curve.best > 0.9  # by chance it costs 1.1: these labels cannot be known


def test_a_replay_of_a_full_batch_goes_where_the_run_went(facts_of, whole):
    replays = replays_of(facts_of(HEAD + "train(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)))"))
    curve = replays.curve(Change())
    assert curve.start == pytest.approx(replays.training.curve[0], rel=1e-5)
    assert curve.end == pytest.approx(sum(replays.training.curve[-3:]) / 3, rel=0.02)


@pytest.mark.parametrize(
    "net",
    [
        "nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Linear(8, 3))",
        "nn.Sequential(nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 4, 3), nn.Flatten(), nn.LayerNorm(16), nn.Linear(16, 3))",
        "Recurrent()",
        "Attention()",
        "InPlace()",
    ],
)
def test_layers_of_all_kinds_give_the_same_loss_again(facts_of, whole, net):
    kinds = """
class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTM(2, 5, batch_first=True), nn.Linear(5, 3)
    def forward(self, x):
        out, (h, c) = self.cell(x.view(-1, 3, 2))
        return self.head(out[:, -1] + c[0])
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(2, 1, batch_first=True), nn.Linear(6, 3)
    def forward(self, x):
        x = x.view(-1, 3, 2)
        return self.head(self.attention(x, x, x)[0].flatten(1))
class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.head = nn.Linear(6, 6), nn.Linear(6, 3)
    def forward(self, x):
        h = self.one(x)
        h[:, 0] = 0.0
        h += 1
        return self.head(torch.cat([h[:, :3], h[:, 3:].exp()], 1))
"""
    replays = replays_of(facts_of(HEAD + kinds + f"train({net}, lr=0.01)"))
    assert replays.curve().start == pytest.approx(replays.training.curve[0], rel=1e-4)


def test_dropout_is_drawn_anew_and_the_random_state_is_left_alone(facts_of):
    facts = facts_of(HEAD + "train(nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 3)))")
    before = torch.get_rng_state()
    replays = replays_of(facts)
    replays.curve(Change(lr_factor=0.1))
    assert replays.batches[0].losses[0].is_random
    assert torch.equal(before, torch.get_rng_state())


def test_the_best_constant_answer_costs_the_entropy_of_the_classes(facts_of):
    replays = replays_of(facts_of(HEAD + "train(nn.Linear(6, 3))"))
    shares = torch.bincount(torch.as_tensor(replays.questions()[0][0].data_of(replays.question.target))) / 60
    assert replays.constant == pytest.approx(float(-(shares * shares.log()).sum()), rel=1e-4)


def test_of_many_batches_some_are_kept_out_of_the_training(facts_of):
    batches = HEAD.replace("net(x), y)", "net(x[rows]), y[rows])").replace(
        "range(12):", "range(12):\n        rows = torch.randperm(60)[:20]"
    )
    replays = replays_of(facts_of(batches + "train(nn.Linear(6, 3))"))
    assert replays.curve().is_held_out


def test_a_constant_answer_of_scaled_targets_is_their_own(facts_of):
    text = HEAD.replace("F.cross_entropy(net(x), y)", "F.mse_loss(net(x).squeeze(1), 500 + 90 * x[:, 0])")
    replays = replays_of(facts_of(text + "train(nn.Linear(6, 1), lr=1e-3)"))
    curve = replays.curve(Change(scales_targets=True))
    assert curve.end / curve.relative == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = x * 1", "no backward"),
        ("import copy\nnet = nn.Linear(6, 3)\nF.cross_entropy(net(x), y).backward()", "no update of a parameter"),
        ("for lr in (0.1, 0.01): train(nn.Linear(6, 3), lr=lr)", "several learning rates"),
    ],
)
def test_what_cannot_be_replayed_says_why(facts_of, text, reason):
    with pytest.raises(CannotReplay, match=reason):
        replays_of(facts_of(HEAD + text))
    with pytest.raises(CannotReplay, match=reason):  # and says so again
        replays_of(facts_of(HEAD + text))


def test_a_state_that_is_carried_with_its_graph_cannot_be_replayed(facts_of):
    carried = """
net = nn.RNN(6, 3)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
h = torch.zeros(1, 3)
for _ in range(4):
    out, h = net(x, h.detach())
    optimizer.zero_grad()
    F.cross_entropy(out, y).backward()
    optimizer.step()
"""
    assert replays_of(facts_of(HEAD + carried)).batches
