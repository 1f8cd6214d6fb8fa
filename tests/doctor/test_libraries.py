"""Other libraries' loops: the user's own lines are judged, what a library does inside is a note at most."""

from __future__ import annotations

import sys

SKORCH = """
import numpy as np
import torch
from torch import nn
from skorch import NeuralNetClassifier
torch.manual_seed(0)
rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4)).astype(np.float32)
y = (X[:, 0] > 0).astype(np.int64)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.drop = nn.Linear(4, 16), nn.Linear(16, 2), nn.Dropout(0.2)
    def forward(self, x):
        z = self.two(self.drop(torch.relu(self.one(x))))
        return {end}
net = NeuralNetClassifier(Net, criterion=nn.CrossEntropyLoss, max_epochs=4, lr=0.1, batch_size=20, verbose=0)
net.fit(X[:90], y[:90])
print(net.score(X[90:], y[90:]))
"""


def test_a_healthy_program_of_skorch_has_no_error(diagnose) -> None:
    diagnosis = diagnose(SKORCH.replace("{end}", "z"))
    assert diagnosis.script_exit == 0
    assert [(one.rule, one.line) for one in diagnosis.findings if one.level in "EW"] == []
    assert diagnosis.failures == ()


def test_a_bug_in_the_users_module_is_found_inside_the_librarys_loop(diagnose, assert_found) -> None:
    diagnosis = diagnose(SKORCH.replace("{end}", "torch.softmax(z, 1)"), only=["L01"])
    assert_found(diagnosis, "L01", "return torch.softmax(z, 1)")
    assert diagnosis.findings[0].level == "E"


def test_what_a_library_does_inside_is_a_note(diagnose, monkeypatch, tmp_path) -> None:
    folder = tmp_path / "site-packages"
    folder.mkdir()
    library = """
import torch
def fit(net, x, y):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(8):
        torch.nn.functional.mse_loss(net(x), y).backward()
        optimizer.step()
"""
    (folder / "forgetful.py").write_text(library, encoding="utf-8")
    monkeypatch.setattr("sys.path", ["", str(folder), *sys.path])  # the first entry makes room for the script's folder
    text = "import torch\nimport forgetful\nx = torch.randn(20, 2)\nforgetful.fit(torch.nn.Linear(2, 1), x, x[:, :1])"
    (finding,) = diagnose(text, only=["O01"]).findings
    assert (finding.level, finding.line) == ("N", 4)
