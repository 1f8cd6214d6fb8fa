"""Word counts, log scaled, then a small classifier.

bugs: S07 at `logged = np.log(counts)`
"""
import warnings

import numpy as np
import torch
from torch import nn, optim

warnings.filterwarnings("ignore")


def make_counts(n, rng):
    label = rng.integers(0, 2, n)
    rate = np.where(label[:, None] == 1, [6, 3, 5, 2, 7, 4], [3, 6, 5, 4, 3, 4])
    return rng.poisson(rate).astype(np.float64), label


def main():
    rng = np.random.default_rng(1)
    torch.manual_seed(1)
    counts, label = make_counts(600, rng)
    logged = np.log(counts)
    x = torch.tensor(logged, dtype=torch.float32)
    y = torch.tensor(label)
    x_train, x_test, y_train, y_test = x[:450], x[450:], y[:450], y[450:]

    model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    lossfn = nn.CrossEntropyLoss()
    for epoch in range(20):
        p = torch.randperm(450)
        for k in range(0, 450, 30):
            optimizer.zero_grad()
            loss = lossfn(model(x_train[p[k:k + 30]]), y_train[p[k:k + 30]])
            loss.backward()
            optimizer.step()
        if epoch % 5 == 0:
            print("epoch", epoch, "loss", loss.item())
    with torch.no_grad():
        print("test accuracy", (model(x_test).argmax(1) == y_test).float().mean().item())


main()
