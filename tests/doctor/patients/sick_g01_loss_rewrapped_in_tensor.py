"""Moons classifier with a list of losses that is averaged.

bugs: G01 at `loss = torch.tensor(batch_losses, requires_grad=True).mean()`
"""
import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import make_moons

torch.manual_seed(27)
X, y = make_moons(400, noise=0.2, random_state=27)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
X_train, y_train, X_test, y_test = X[:320], y[:320], X[320:], y[320:]

net = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
bce = nn.BCEWithLogitsLoss()
optimizer = optim.Adam(net.parameters(), lr=0.01)

for epoch in range(30):
    batch_losses = []
    for part in torch.randperm(320).split(80):
        batch_losses.append(bce(net(X_train[part]), y_train[part]))
    loss = torch.tensor(batch_losses, requires_grad=True).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 6 == 0:
        print("epoch", epoch, "loss", loss.item())

with torch.no_grad():
    guess = (net(X_test) > 0).float()
print("test accuracy", (guess == y_test).float().mean().item())
