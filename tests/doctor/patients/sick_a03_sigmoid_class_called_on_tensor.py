"""Pass or fail? Two exam scores and a small network.

bugs: A03 at `return nn.Sigmoid(self.layer2(x))`
"""
import numpy as np
import torch
from torch import nn, optim


class ExamNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(2, 8)
        self.layer2 = nn.Linear(8, 1)

    def forward(self, x):
        x = torch.relu(self.layer1(x))
        return nn.Sigmoid(self.layer2(x))


def exams(n, rng):
    marks = rng.uniform(20, 100, size=(n, 2))
    passed = (0.6 * marks[:, 0] + 0.4 * marks[:, 1] + rng.normal(0, 4, n) > 60).astype("float32")
    return ((marks - 60) / 23).astype("float32"), passed[:, None]


rng = np.random.default_rng(9)
torch.manual_seed(9)
x_train, y_train = map(torch.from_numpy, exams(300, rng))
x_test, y_test = map(torch.from_numpy, exams(100, rng))

net = ExamNet()
crit = nn.BCELoss()
opt = optim.Adam(net.parameters(), lr=0.02)
for epoch in range(100):
    opt.zero_grad()
    loss = crit(net(x_train), y_train)
    loss.backward()
    opt.step()
    if epoch % 25 == 0:
        print(epoch, loss.item())

with torch.no_grad():
    print("accuracy", ((net(x_test) > 0.5).float() == y_test).float().mean().item())
