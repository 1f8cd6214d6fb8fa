"""Sine curve fitted with a one-hidden-layer net, weights set by hand for reproducibility.

bugs: D08 at `self.hidden.weight.data.fill_(0.5)` or `self.out.weight.data.fill_(0.1)`
"""
import math

import torch
from torch import nn


class SineNet(nn.Module):
    def __init__(self, units=40):
        super().__init__()
        self.hidden = nn.Linear(1, units)
        self.out = nn.Linear(units, 1)
        self.hidden.weight.data.fill_(0.5)
        self.hidden.bias.data.fill_(0.0)
        self.out.weight.data.fill_(0.1)
        self.out.bias.data.fill_(0.0)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


def make_curve(n):
    t = torch.rand(n, 1) * 2 - 1
    return t, torch.sin(math.pi * 2 * t) + 0.05 * torch.randn(n, 1)


torch.manual_seed(8)
t_train, s_train = make_curve(300)
t_val, s_val = make_curve(100)

m = SineNet()
opt = torch.optim.Adam(m.parameters(), lr=0.02)
mse = nn.MSELoss()
for epoch in range(500):
    opt.zero_grad()
    loss = mse(m(t_train), s_train)
    loss.backward()
    opt.step()
    if epoch % 100 == 0:
        print("epoch", epoch, "mse", loss.item())

with torch.no_grad():
    print("validation mse", mse(m(t_val), s_val).item(), "variance", s_val.var().item())
