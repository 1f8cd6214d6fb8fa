"""A small sklearn-like classifier class: fit, predict, predict_proba.

bugs: L01 at `loss = F.cross_entropy(proba, yb)` or `return self.decision_function(x).softmax(-1)` or `proba = self.predict_proba(xb)`
"""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split


class MLPClassifier(nn.Module):
    def __init__(self, n_in, n_classes, hidden=32, lr=5e-3, epochs=20, batch_size=40):
        super().__init__()
        self.epochs, self.batch_size = epochs, batch_size
        self.body = nn.Sequential(nn.Linear(n_in, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.out = nn.Linear(hidden, n_classes)
        self.opt = torch.optim.Adam(self.parameters(), lr=lr)

    def decision_function(self, x):
        return self.out(self.body(x))

    def predict_proba(self, x):
        return self.decision_function(x).softmax(-1)

    def predict(self, x):
        with torch.no_grad():
            return self.predict_proba(x).argmax(-1)

    def fit(self, x, y):
        for epoch in range(self.epochs):
            history = []
            for idx in torch.randperm(len(x)).split(self.batch_size):
                xb, yb = x[idx], y[idx]
                proba = self.predict_proba(xb)
                loss = F.cross_entropy(proba, yb)
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                history.append(loss.item())
            if epoch % 5 == 4:
                print(f"[{epoch + 1}/{self.epochs}] loss={np.mean(history):.4f}")
        return self


if __name__ == "__main__":
    torch.manual_seed(7)
    pts, labels = make_moons(600, noise=0.15, random_state=7)
    tr, te, ytr, yte = train_test_split(pts.astype("float32"), labels, random_state=7)
    clf = MLPClassifier(2, 2).fit(torch.from_numpy(tr), torch.from_numpy(ytr))
    print("score", (clf.predict(torch.from_numpy(te)).numpy() == yte).mean())
