"""Wine quality (sklearn's wine): train / validation / test with early stopping.

healthy: ReduceLROnPlateau stepped once per epoch with the val loss; best weights reloaded; the test set read once
"""
import copy

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler

torch.manual_seed(8)
np.random.seed(8)

X, y = load_wine(return_X_y=True)
X_rest, X_test, y_rest, y_test = train_test_split(X, y, test_size=0.2, random_state=8, stratify=y)
X_train, X_val, y_train, y_val = train_test_split(X_rest, y_rest, test_size=0.25, random_state=8, stratify=y_rest)
mm = MinMaxScaler().fit(X_train)
to_x = lambda a: torch.tensor(mm.transform(a), dtype=torch.float32)
X_train, X_val, X_test = to_x(X_train), to_x(X_val), to_x(X_test)
y_train, y_val, y_test = map(torch.tensor, (y_train, y_val, y_test))

clf = nn.Sequential(nn.Linear(13, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 3))
crit = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(clf.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=4)

best_loss, best_state, wait = float("inf"), None, 0
for epoch in range(80):
    clf.train()
    order = torch.randperm(len(X_train))
    for idx in order.split(27):
        optimizer.zero_grad()
        loss = crit(clf(X_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()

    clf.eval()
    with torch.no_grad():
        val_loss = crit(clf(X_val), y_val).item()
    scheduler.step(val_loss)

    if val_loss < best_loss - 1e-4:
        best_loss, wait = val_loss, 0
        best_state = copy.deepcopy(clf.state_dict())
    else:
        wait += 1
        if wait >= 12:
            print("stopped at epoch", epoch)
            break
    if epoch % 10 == 0:
        print(epoch, "train", round(loss.item(), 4), "val", round(val_loss, 4))

clf.load_state_dict(best_state)
clf.eval()
with torch.no_grad():
    acc = (clf(X_test).argmax(dim=1) == y_test).float().mean().item()
print("best val loss", round(best_loss, 4), "test accuracy", round(acc, 3))
