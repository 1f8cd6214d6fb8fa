"""Nets of several inputs: a sample is all that the net is given of it."""

from __future__ import annotations

HEAD = """
import torch
from torch import nn
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix, self.out = nn.Linear(3, 8), nn.Linear(8, 1)
    def forward(self, first, second):
        return self.out(torch.tanh(self.mix(GIVEN)))
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
"""

GRAPH = (
    HEAD.replace("GIVEN", "first @ second")
    + """
graph = torch.eye(20)  # more nodes than rows of a batch
x = torch.randn(64, 20, 3)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, x.sum(2, keepdim=True)), batch_size=16)
for epoch in range(3):
    for rows, targets in loader:
        optimizer.zero_grad()
        nn.functional.mse_loss(net(graph, rows), targets).backward()
        optimizer.step()
"""
)

PAIRS = (
    HEAD.replace("GIVEN", "first * second")
    + """
users, things = torch.randn(30, 3), torch.randn(20, 3)
u, t = torch.cartesian_prod(torch.arange(30), torch.arange(20)).T
y = (users[u] * things[t]).sum(1, keepdim=True)
order = torch.randperm(600)
for rows in order[:400].split(100) * 3:
    optimizer.zero_grad()
    nn.functional.mse_loss(net(users[u[rows]], things[t[rows]]), y[rows]).backward()
    optimizer.step()
with torch.no_grad():
    print(nn.functional.mse_loss(net(users[u[order[400:]]], things[t[order[400:]]]), y[order[400:]]))
"""
)


def test_a_graph_that_is_given_each_time_is_no_batch(diagnose, assert_outcome) -> None:
    assert_outcome(diagnose(GRAPH, only=["O11"]), "O11", "passed")


def test_new_pairs_of_known_things_are_no_rows_that_were_trained_on(diagnose) -> None:
    assert [one.rule for one in diagnose(PAIRS, only=["V03", "V04", "V07"]).findings] == []


WHOLE = (
    HEAD.replace("GIVEN", "second @ first")
    + """
x, y = torch.randn(150, 3), torch.randn(150, 1)
graph = torch.eye(150)
is_taught = torch.rand(150) < 0.4
for _ in range(12):
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x, graph)[is_taught], y[is_taught]).backward()
    optimizer.step()
with torch.no_grad():
    print(nn.functional.mse_loss(net(x, graph)[~is_taught], y[~is_taught]))
"""
)


def test_a_graph_of_which_some_nodes_are_taught_is_no_training_set(diagnose) -> None:
    assert [one.rule for one in diagnose(WHOLE, only=["V03", "V04"]).findings] == []
