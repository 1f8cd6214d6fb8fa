"""Regression on the friedman data, settings kept in a dataclass.

bugs: D01 at `lr: float = 0.3` or `opt = optim.SGD(`
"""
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import make_friedman1
from torch import nn, optim


@dataclass
class Config:
    hidden: int = 32
    lr: float = 0.3
    momentum: float = 0.9
    epochs: int = 26
    batch: int = 32
    seed: int = 7


class Regressor(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, cfg.hidden), nn.Tanh(), nn.Linear(cfg.hidden, cfg.hidden), nn.Tanh())
        self.head = nn.Linear(cfg.hidden, 1)

    def forward(self, x):
        return self.head(self.body(x)).squeeze(-1)


def get_data(cfg):
    X, y = make_friedman1(n_samples=600, noise=0.5, random_state=cfg.seed)
    X_tr, X_va, y_tr, y_va = X[:450], X[450:], y[:450], y[450:]
    mu, sd = X_tr.mean(0), X_tr.std(0)
    ymu, ysd = y_tr.mean(), y_tr.std()
    arrays = (X_tr - mu) / sd, (y_tr - ymu) / ysd, (X_va - mu) / sd, (y_va - ymu) / ysd
    return [torch.from_numpy(a.astype(np.float32)) for a in arrays]


def main(cfg=Config()):
    torch.manual_seed(cfg.seed)
    X_tr, y_tr, X_va, y_va = get_data(cfg)
    model = Regressor(cfg)
    opt = optim.SGD(model.parameters(), lr=cfg.lr, momentum=cfg.momentum)
    crit = nn.SmoothL1Loss()
    for epoch in range(cfg.epochs):
        order = torch.randperm(len(X_tr))
        losses = []
        for idx in order.split(cfg.batch):
            opt.zero_grad()
            loss = crit(model(X_tr[idx]), y_tr[idx])
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 5 == 0:
            with torch.no_grad():
                val = crit(model(X_va), y_va).item()
            print(f"{epoch:3d} train {np.mean(losses):.3f} val {val:.3f}")


if __name__ == "__main__":
    main()
