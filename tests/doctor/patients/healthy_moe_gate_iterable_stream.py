"""Mixture of experts on a piecewise function that arrives as an endless stream.

healthy: softmax as a gate over experts under MSE, (N, 1) against (N, 1), an IterableDataset without shuffle
"""
import itertools

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, IterableDataset


def target(x):
    left = torch.sin(3 * x[:, :1])
    right = x[:, 1:] * 0.8 - 0.3
    return torch.where(x[:, :1] * x[:, 1:] > 0, left, right)


class Stream(IterableDataset):
    def __init__(self, seed):
        self.gen = torch.Generator().manual_seed(seed)

    def __iter__(self):
        while True:
            x = torch.rand(1, 2, generator=self.gen) * 2 - 1
            y = target(x) + 0.03 * torch.randn(1, 1, generator=self.gen)
            yield x[0], y[0]


class MoE(nn.Module):
    def __init__(self, n_experts=4, hidden=16):
        super().__init__()
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, 1)) for _ in range(n_experts)
        )
        self.gate = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, n_experts))

    def forward(self, x):
        w = F.softmax(self.gate(x), dim=-1)
        outs = torch.stack([e(x) for e in self.experts], dim=1)
        return (w.unsqueeze(-1) * outs).sum(dim=1), w


def main():
    torch.manual_seed(3)
    moe = MoE()
    optimizer = torch.optim.Adam(moe.parameters(), lr=1e-2)
    loader = DataLoader(Stream(seed=1), batch_size=64)
    total = 0.0
    for step, (x, y) in enumerate(itertools.islice(loader, 300), start=1):
        pred, w = moe(x)
        usage = w.mean(dim=0)
        balance = (usage * usage).sum() * w.size(1) - 1
        loss = F.mse_loss(pred, y) + 0.01 * balance
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.detach()
        if step % 60 == 0:
            print(f"step {step} loss {total.item() / 60:.4f}")
            total = 0.0

    gen = torch.Generator().manual_seed(99)
    x_val = torch.rand(500, 2, generator=gen) * 2 - 1
    y_val = target(x_val)
    with torch.no_grad():
        pred, w = moe(x_val)
    print("held-out mse", F.mse_loss(pred, y_val).item(), "variance", y_val.var().item())
    print("expert usage", [round(u, 2) for u in w.mean(0).tolist()])


if __name__ == "__main__":
    main()
