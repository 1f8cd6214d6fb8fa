"""Fit a damped wave of amplitude three with a small tanh network.

bugs: L04 at `nn.Linear(40, 1), nn.Tanh()`
"""
import math

import torch
from torch import nn, optim

torch.manual_seed(21)


def wave(t):
    return 3.0 * torch.exp(-0.25 * t) * torch.cos(2.0 * t)


t = torch.rand(400, 1) * 2 * math.pi
y = wave(t) + 0.05 * torch.randn_like(t)
scale = lambda v: v / math.pi - 1
x_train, y_train = scale(t[:300]), y[:300]
x_val, y_val = scale(t[300:]), y[300:]

regressor = nn.Sequential(
    nn.Linear(1, 40), nn.Tanh(),
    nn.Linear(40, 40), nn.Tanh(),
    nn.Linear(40, 1), nn.Tanh()
)
crit = nn.MSELoss()
optim_ = optim.Adam(regressor.parameters(), lr=0.01)

for it in range(400):
    optim_.zero_grad()
    err = crit(regressor(x_train), y_train)
    err.backward()
    optim_.step()
    if it % 80 == 0:
        print("iter", it, "mse", err.item())

with torch.no_grad():
    fit = regressor(x_val)
    print("val mse", crit(fit, y_val).item(), "variance", y_val.var().item(), "range", fit.min().item(), fit.max().item())
