"""Blobs in 8 dimensions, numpy arrays shuffled by hand before each epoch.

bugs: D03 at `loss.backward()` or `loss = loss_func(clf(xb), yb)`; S06 at `X_train = X_train[np.random.permutation(len(X_train))]`
"""
import numpy as np
import torch
from sklearn.datasets import make_blobs
from torch import nn

np.random.seed(3)
torch.manual_seed(3)

X, y = make_blobs(n_samples=800, n_features=8, centers=4, cluster_std=3.0, random_state=3)
X = X.astype("float32")
cut = 600
X_train, y_train = X[:cut], y[:cut]
X_test, y_test = X[cut:], y[cut:]
mean, std = X_train.mean(axis=0), X_train.std(axis=0)
X_train = (X_train - mean) / std
X_test = (X_test - mean) / std

clf = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
loss_func = nn.CrossEntropyLoss()
optim = torch.optim.Adam(clf.parameters(), lr=0.005)
batch_size = 50

for epoch in range(20):
    X_train = X_train[np.random.permutation(len(X_train))]
    epoch_loss = 0
    for start in range(0, cut, batch_size):
        xb = torch.from_numpy(X_train[start:start + batch_size])
        yb = torch.from_numpy(y_train[start:start + batch_size])
        optim.zero_grad()
        loss = loss_func(clf(xb), yb)
        loss.backward()
        optim.step()
        epoch_loss += loss.item()
    print("Epoch %d loss %.3f" % (epoch, epoch_loss / (cut // batch_size)))

with torch.no_grad():
    pred = clf(torch.from_numpy(X_test)).argmax(dim=1).numpy()
print("Accuracy on unseen points:", (pred == y_test).mean())
