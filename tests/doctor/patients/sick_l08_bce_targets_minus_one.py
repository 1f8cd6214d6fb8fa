"""A binary classifier after an SVM lesson: the labels are -1 and +1.

bugs: L08 at `loss = bce(score, target)` or `y = np.where(y == 0, -1.0, 1.0)`
"""
import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def prepare(seed=14):
    X, y = make_classification(800, 10, n_informative=5, weights=[0.45], class_sep=1.0, random_state=seed)
    y = np.where(y == 0, -1.0, 1.0)
    cut = 600
    sc = StandardScaler().fit(X[:cut])
    X = torch.tensor(sc.transform(X), dtype=torch.float32)
    y = torch.tensor(y, dtype=torch.float32)
    return TensorDataset(X[:cut], y[:cut]), TensorDataset(X[cut:], y[cut:])


class Scorer(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, x):
        return self.net(x).squeeze(1)


def fit(model, ds, epochs=12):
    bce = nn.BCEWithLogitsLoss()
    opt = torch.optim.SGD(model.parameters(), lr=0.05)
    for epoch in range(epochs):
        losses = []
        for x, target in DataLoader(ds, batch_size=50, shuffle=True):
            score = model(x)
            loss = bce(score, target)
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        if epoch % 3 == 0:
            print("epoch", epoch, "loss", np.mean(losses))


torch.manual_seed(14)
train_ds, test_ds = prepare()
model = Scorer()
fit(model, train_ds)
x, target = test_ds.tensors
with torch.no_grad():
    s = model(x)
print("accuracy", (s.sign() == target).float().mean().item(), "largest |score|", s.abs().max().item())
