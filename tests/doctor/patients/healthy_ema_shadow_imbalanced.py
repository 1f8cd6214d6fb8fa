"""Rare positives in a table; the evaluated net is an exponential moving average of the trained one.

healthy: EMA copy that is in no optimizer and never gets a gradient; classes 9:1 and still learning
"""
import copy

import numpy as np
import torch
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

np.random.seed(5)
torch.manual_seed(5)

X, y = make_classification(n_samples=3000, n_features=12, n_informative=8, n_redundant=0, weights=[0.9],
                           class_sep=1.6, flip_y=0.01, random_state=5)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=5)
sc = StandardScaler().fit(X_train)
X_train = torch.from_numpy(sc.transform(X_train)).float()
X_test = torch.from_numpy(sc.transform(X_test)).float()
y_train = torch.from_numpy(y_train).float()


class EMA:
    def __init__(self, model, decay=0.98):
        self.decay = decay
        self.shadow = copy.deepcopy(model)
        self.shadow.eval()
        for p in self.shadow.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for s, p in zip(self.shadow.parameters(), model.parameters()):
            s.mul_(self.decay).add_(p, alpha=1 - self.decay)


clf = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))
ema = EMA(clf)
optim = torch.optim.AdamW(clf.parameters(), lr=5e-3, weight_decay=1e-3)
crit = nn.BCEWithLogitsLoss()

for epoch in range(15):
    perm = torch.randperm(len(X_train))
    losses = []
    for i in range(0, len(perm), 64):
        idx = perm[i:i + 64]
        optim.zero_grad()
        loss = crit(clf(X_train[idx]).squeeze(-1), y_train[idx])
        loss.backward()
        optim.step()
        ema.update(clf)
        losses.append(loss.item())
    with torch.no_grad():
        prob = torch.sigmoid(ema.shadow(X_test)).squeeze(-1).numpy()
    print(f"{epoch:2d} loss {np.mean(losses):.3f}  EMA: AP {average_precision_score(y_test, prob):.3f} "
          f"recall {recall_score(y_test, prob > 0.5):.3f}")
