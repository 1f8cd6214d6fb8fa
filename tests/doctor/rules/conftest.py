"""Small trainings as text, for the rules of the loss: what differs is the net, the targets, and what is in the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
x = torch.randn(60, 4)
"""
TARGETS = {
    "classes": "y = (x[:, 0] > 0.3).long() + (x[:, 1] > 0).long()",
    "binary": "y = (x[:, :1] > 0).float()",
    "amounts": "y = 2 * x[:, :1] - x[:, 1:2]",
}
LAYERS = "net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))"
FORWARD = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.act = nn.Linear(4, 8), nn.Linear(8, {out}), {act}
    def forward(self, x):
        h = torch.relu(self.a(x))
        {body}
net = Net()
"""
ATTENTION = """
x = torch.randn(60, 5, 4)
y = (x[:, 2, 0] > 0).long()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.s, self.o = nn.Linear(4, 1), nn.Linear(4, 2)
    def forward(self, x):
        {body}
net = Net()
"""


def write(
    loss: str = "F.cross_entropy(net(xb), yb)", *, y: str = "classes", net: str = LAYERS, forward: str = "",
    out: int = 1, act: str = "None", attention: Sequence[str] = (), before: str = "", inside: str = "",
    after: str = "", params: str = "net.parameters()",
) -> str:  # fmt: skip
    """A whole training of six steps on halves of the rows.

    The net is a `net`, or has a `forward` of its own (`h` is its hidden layer, `self.b` the last one), or attends.
    """
    if attention:
        net = ATTENTION.format(body="\n        ".join(attention))
    elif forward:
        net = FORWARD.format(body=forward, out=out, act=act)
    loop = [f"optimizer = torch.optim.Adam({params}, lr=0.01)", "for step in range(6):"]
    body = ["half = slice(0, 30) if step % 2 else slice(30, 60)", "xb, yb = x[half], y[half]", *inside.splitlines()]
    body += [f"loss = {loss}", "optimizer.zero_grad()", "loss.backward()", "optimizer.step()"]
    return "\n".join([HEAD, TARGETS.get(y, y), net, before, *loop, *(f"    {line}" for line in body), after])


@pytest.fixture
def program() -> Callable[..., str]:
    """`program("F.nll_loss(net(xb), yb)", forward="return self.b(h)", out=3)`: the text of a training."""
    return write
