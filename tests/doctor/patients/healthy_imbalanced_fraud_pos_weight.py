"""Fraud in 4 % of the payments.

healthy: imbalanced but learning, with pos_weight counted on the training rows; judged by precision and recall
"""
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.metrics import precision_recall_fscore_support, roc_auc_score
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Cfg:
    n: int = 6000
    rate: float = 0.04
    batch: int = 128
    lr: float = 3e-3
    epochs: int = 12
    seed: int = 77


def payments(cfg):
    rng = np.random.default_rng(cfg.seed)
    fraud = (rng.random(cfg.n) < cfg.rate).astype(np.float32)
    amount = np.log(rng.lognormal(3 + 1.5 * fraud, 0.8))
    hour = (rng.normal(14 - 11 * fraud, 4) % 24) / 24 * 2 * np.pi
    distance = rng.exponential(1 + 3 * fraud)
    tries = rng.poisson(1 + 2 * fraud)
    X = np.stack([amount, np.sin(hour), np.cos(hour), np.log1p(distance), tries], axis=1).astype(np.float32)
    return X, fraud


def main(cfg):
    torch.manual_seed(cfg.seed)
    X, y = payments(cfg)
    X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, stratify=y, random_state=cfg.seed)
    mean, std = X_tr.mean(axis=0), X_tr.std(axis=0)
    X_tr, X_te = (X_tr - mean) / std, (X_te - mean) / std
    loader = DataLoader(TensorDataset(torch.from_numpy(X_tr), torch.from_numpy(y_tr)), batch_size=cfg.batch, shuffle=True)

    clf = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 1), nn.Flatten(0))
    pos_weight = torch.tensor((y_tr == 0).sum() / (y_tr == 1).sum(), dtype=torch.float32)
    criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight)
    optimizer = torch.optim.Adam(clf.parameters(), lr=cfg.lr)

    for epoch in range(cfg.epochs):
        clf.train()
        total = 0.0
        for xb, yb in loader:
            loss = criterion(clf(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(yb)
        clf.eval()
        with torch.no_grad():
            p = torch.sigmoid(clf(torch.from_numpy(X_te))).numpy()
        prec, rec, f1, _ = precision_recall_fscore_support(y_te, p > 0.5, average="binary", zero_division=0)
        print(f"{epoch:2d} loss {total / len(y_tr):.3f} auc {roc_auc_score(y_te, p):.3f} precision {prec:.2f} recall {rec:.2f} f1 {f1:.2f}")


if __name__ == "__main__":
    main(Cfg())
