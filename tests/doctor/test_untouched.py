"""The doctor does not touch the run: weights to the last bit, random states, what the script's own code sees."""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import random
import runpy
import warnings
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from firesteel.doctor import examine
from firesteel.doctor.watching import Watch

PATIENTS = Path(__file__).parent / "patients"

#: Dropout, batch norm, workers, schedules, bfloat16 and loss scaling, LBFGS, checkpointing, adversaries, and more.
SCRIPTS = [path.stem for path in sorted(PATIENTS.glob("healthy_*.py"))][::3]

HEAD = """
import torch
from torch import nn
torch.manual_seed(3)
x = torch.randn(96, 6)
y = (x[:, 0] * x[:, 1] > 0).long()
data = torch.utils.data.TensorDataset(x, y)
"""
LOOP = """
def train(optimizer, loader, net=net, schedule=None, clip=None):
    for epoch in range(3):
        net.train()
        for a, b in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(a), b)
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(net.parameters(), clip)
            optimizer.step()
            if schedule:
                schedule.step()
        net.eval()
        with torch.no_grad():
            print(epoch, nn.functional.cross_entropy(net(x), y).item())
"""
NET = "net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))\n"
DROPOUT = "net = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))\n"
LOADER = "loader = torch.utils.data.DataLoader(data, batch_size=16, shuffle=True{more})\n"
ADAM = "optimizer = torch.optim.Adam(net.parameters(), lr=0.01)\n"

TEXTS = {
    "dropout and batch norm": HEAD + DROPOUT + LOOP + LOADER.format(more="") + ADAM + "train(optimizer, loader)",
    "workers": HEAD + DROPOUT + LOOP + LOADER.format(more=", num_workers=2") + ADAM + "train(optimizer, loader)",
    "schedule and clipping": HEAD + NET + LOOP + LOADER.format(more="") + """
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)
train(optimizer, loader, schedule=torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=18), clip=0.5)
""",
    "bfloat16": HEAD + DROPOUT + ADAM + """
for i in range(12):
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    optimizer.step()
""",
    "loss scaling": HEAD + NET + ADAM + """
scaler = torch.amp.GradScaler("cpu")
for i in range(12):
    optimizer.zero_grad()
    scaler.scale(nn.functional.cross_entropy(net(x), y)).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    scaler.step(optimizer)
    scaler.update()
""",
    "lbfgs": HEAD + NET + """
optimizer = torch.optim.LBFGS(net.parameters(), lr=0.5, line_search_fn="strong_wolfe")
def closure():
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    return loss
for i in range(4):
    optimizer.step(closure)
""",
    "attention": HEAD + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Linear(1, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(8, 2)
    def forward(self, x):
        return self.head(self.encoder(self.up(x.unsqueeze(-1))).mean(1))
net = Net()
""" + LOOP + LOADER.format(more="") + ADAM + "train(optimizer, loader)",
    "recurrent": HEAD + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(1, 8, 2, dropout=0.2, batch_first=True)
        self.head = nn.Linear(8, 2)
    def forward(self, x):
        return self.head(self.rnn(x.unsqueeze(-1))[0][:, -1])
net = Net()
""" + LOOP + LOADER.format(more="") + ADAM + "train(optimizer, loader)",
    "raw tensors": HEAD + """
w, b = torch.randn(6, 2, requires_grad=True), torch.zeros(2, requires_grad=True)
for i in range(12):
    nn.functional.cross_entropy(x @ w + b, y).backward()
    with torch.no_grad():
        for p in (w, b):
            p -= 0.1 * p.grad
            p.grad.zero_()
""",
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n)


def weights_of(names: dict[str, Any]) -> dict[str, bytes]:
    """Every tensor and every module's tensors among the script's globals, as bytes."""
    found: dict[str, bytes] = {}
    for name, value in names.items():
        tensors = {name: value} if isinstance(value, torch.Tensor) else {}
        if isinstance(value, torch.nn.Module):
            tensors = {f"{name}.{key}": tensor for key, tensor in value.state_dict().items()}
        for key, tensor in tensors.items():
            if isinstance(tensor, torch.Tensor) and tensor.layout is torch.strided:
                found[key] = tensor.detach().contiguous().view(torch.uint8).numpy().tobytes() if tensor.dim() else b""
    return found


def states() -> tuple[object, ...]:
    numpy_state = np.random.mtrand.get_bit_generator().state["state"]
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), repr(numpy_state)


def seed_all() -> None:
    torch.manual_seed(0)
    np.random.mtrand.seed(0)
    random.seed(0)


def run_plain(path: Path) -> tuple[dict[str, bytes], str, tuple[object, ...]]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setattr("sys.argv", [str(path)])
        names = runpy.run_path(str(path), run_name="__main__")
    return weights_of(names), said.getvalue(), states()


def run_watched(path: Path) -> tuple[dict[str, bytes], str, tuple[object, ...]]:
    from firesteel.doctor.running import run_script

    said = io.StringIO()
    watch = Watch(script=str(path))
    with contextlib.redirect_stdout(said), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ended, _ = run_script(str(path), [], watch)
    assert ended.code == 0
    assert not watch.failures, [one.trace for one in watch.failures.values()]
    return weights_of(ended.variables), said.getvalue(), states()


def assert_untouched(path: Path) -> None:
    """Weights, output and random states are those of a plain run."""
    for library in ("sklearn.datasets", "sklearn.model_selection", "pandas"):  # imported first, some draw numbers
        importlib.import_module(library)
    seed_all()
    plain = run_plain(path)
    seed_all()
    watched = run_watched(path)
    assert plain[0].keys() == watched[0].keys()
    assert [name for name in plain[0] if plain[0][name] != watched[0][name]] == []
    assert plain[1] == watched[1]
    assert plain[2] == watched[2]


@pytest.mark.parametrize("name", TEXTS)
def test_final_weights_are_bit_identical(name: str, tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(TEXTS[name], encoding="utf-8")
    assert_untouched(path)


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_patient_trains_as_without_the_doctor(name: str) -> None:
    assert_untouched(PATIENTS / f"{name}.py")


def test_tensors_of_the_script_are_not_kept_alive() -> None:
    with Watch() as watch:
        net = torch.nn.Linear(4, 1)
        x = torch.randn(8, 4)
        loss = net(x).pow(2).mean()
        loss.backward()
        refs = [weakref.ref(one) for one in (net, x, loss, net.weight, net.weight.grad)]
        del net, x, loss
        gc.collect()
        alive = [ref() is not None for ref in refs]
    assert alive == [False] * 5
    assert len(watch.facts.backwards) == 1


class Broken:
    """Stands for a part of the doctor that has a flaw."""

    def __get__(self, *_: object) -> Any:
        raise ZeroDivisionError("a flaw")


@pytest.mark.parametrize("place", ["tick", "param_of", "heat_at", "after_update", "before_forward", "note_retained"])
def test_a_flaw_of_the_doctor_does_not_reach_the_script(place: str, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "script.py"
    path.write_text(TEXTS["dropout and batch norm"], encoding="utf-8")
    plain = run_plain(path)
    monkeypatch.setattr(Watch, place, Broken(), raising=False)
    from firesteel.doctor.running import run_script

    watch = Watch.__new__(Watch)
    monkeypatch.undo()
    watch.__init__(script=str(path))
    monkeypatch.setattr(Watch, place, Broken(), raising=False)
    watch.__dict__.pop(place, None)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        ended, _ = run_script(str(path), [], watch)
    assert (ended.code, said.getvalue()) == (0, plain[1])
    assert weights_of(ended.variables) == plain[0]
    assert any("a flaw" in one.error for one in watch.failures.values())


def test_a_rule_that_throws_is_said_and_the_others_answer(diagnose, monkeypatch) -> None:
    from firesteel.doctor.rules import all_rules

    def throw(*_: object) -> None:
        raise KeyError("of mine")

    monkeypatch.setattr(type(all_rules()["L01"]), "judge", throw)
    diagnosis = diagnose(TEXTS["raw tensors"])
    outcome = next(one for one in diagnosis.outcomes if one.rule == "L01")
    assert (outcome.outcome, outcome.reason) == ("failed", "KeyError: 'of mine'")
    assert len(diagnosis.outcomes) == len(all_rules())
    assert "a flaw of the doctor itself, please report it: rule L01" in str(diagnosis)
    assert "of mine" in diagnosis.failures[0].trace


WARNED = """import torch
hidden = torch.ones(3, requires_grad=True) * 2
print(hidden.sum().grad)
torch.nn.functional.mse_loss(torch.ones(3), torch.ones(3, 1))
opt = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], 0.1)
schedule = torch.optim.lr_scheduler.StepLR(opt, 1)
schedule.step()
"""


def test_warnings_keep_the_line_that_they_have_without_the_doctor(tmp_path: Path) -> None:
    from firesteel.doctor.running import run_script

    path = tmp_path / "script.py"
    path.write_text(WARNED, encoding="utf-8")
    shown = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda _message, _kind, file, line, *_: shown.append((file, line))
        run_script(str(path), [], Watch(script=str(path)))
    assert shown == [(str(path), 3), (str(path), 4), (str(path), 7)]


QUIET = {
    "an array that may only be read": """import numpy as np, torch
x = np.ones((4, 2))
x.flags.writeable = False
y = torch.tensor(x)
z = y + 1
""",
    "a step inside a step": """import torch
from torch.func import functional_call
net = torch.nn.Linear(2, 1)
outer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(2):
    weights = dict(net.named_parameters())
    for _ in range(2):
        loss = functional_call(net, weights, torch.ones(3, 2)).pow(2).mean()
        slopes = torch.autograd.grad(loss, weights.values(), create_graph=True)
        weights = {name: w - 0.1 * slope for (name, w), slope in zip(weights.items(), slopes)}
    loss = functional_call(net, weights, torch.ones(3, 2)).pow(2).mean()
    outer.zero_grad()
    loss.backward()
    outer.step()
""",
}


@pytest.mark.parametrize("name", QUIET)
def test_the_doctor_brings_no_warning_of_its_own(name: str, tmp_path: Path) -> None:
    from firesteel.doctor.running import run_script

    path = tmp_path / "script.py"
    path.write_text(QUIET[name], encoding="utf-8")
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        run_script(str(path), [], Watch(script=str(path)))
    assert [str(one.message) for one in shown] == []


def test_examining_twice_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(TEXTS["schedule and clipping"], encoding="utf-8")
    torch.manual_seed(11)  # another state than the script leaves behind
    first = examine(path).to_dict()
    torch.manual_seed(11)
    second = examine(path).to_dict()
    assert first["findings"] == second["findings"]
    assert first["rules"] == second["rules"]
