"""A sine fitted by an MLP; the loss curve is kept for a plot at the end.

bugs: G03 at `self.losses.append(loss)`
"""
import math

import torch
from torch import nn


class SineFitter:
    def __init__(self, hidden=32, lr=0.01):
        self.net = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(),
                                 nn.Linear(hidden, hidden), nn.Tanh(), nn.Linear(hidden, 1))
        self.opt = torch.optim.Adam(self.net.parameters(), lr=lr)
        self.criterion = nn.MSELoss()
        self.losses = []

    def step(self, x, y):
        loss = self.criterion(self.net(x), y)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        self.losses.append(loss)

    def plot(self, width=40):
        values = [one.item() for one in self.losses]
        for i in range(0, len(values), len(values) // 8):
            print(f"{i:4d} {values[i]:.4f} " + "#" * math.ceil(width * values[i] / max(values)))


torch.manual_seed(70)
x = torch.rand(300, 1) * 2 - 1
y = torch.sin(4 * x) + 0.1 * torch.randn(300, 1)
fitter = SineFitter()
for epoch in range(80):
    for rows in torch.randperm(240).split(60):
        fitter.step(x[rows], y[rows])
fitter.plot()
with torch.no_grad():
    print("held-out mse", fitter.criterion(fitter.net(x[240:]), y[240:]).item())
