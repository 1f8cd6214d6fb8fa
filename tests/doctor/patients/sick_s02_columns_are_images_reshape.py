"""Digits flattened so that each column is one picture, as in a well-known course.

bugs: S02 at `flat = imgs.reshape(8 * 8, imgs.shape[0]).T`
"""
import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn


def load():
    d = load_digits()
    rs = np.random.RandomState(1)
    p = rs.permutation(len(d.images))
    imgs = d.images[p] / 16.0
    target = d.target[p]
    flat = imgs.reshape(8 * 8, imgs.shape[0]).T
    return torch.tensor(flat, dtype=torch.float32), torch.tensor(target)


def main():
    torch.manual_seed(1)
    X, Y = load()
    n_train = 1400
    model = nn.Sequential(nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    cost = nn.CrossEntropyLoss()
    for epoch in range(15):
        costs = []
        order = torch.randperm(n_train)
        for k in range(0, n_train, 56):
            mb = order[k:k + 56]
            J = cost(model(X[mb]), Y[mb])
            optimizer.zero_grad()
            J.backward()
            optimizer.step()
            costs.append(J.item())
        if epoch % 3 == 0:
            print("Cost after epoch %i: %f" % (epoch, np.mean(costs)))
    with torch.no_grad():
        print("Test accuracy:", (model(X[n_train:]).argmax(1) == Y[n_train:]).float().mean().item())


if __name__ == "__main__":
    main()
