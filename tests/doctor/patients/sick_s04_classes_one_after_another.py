"""Images of each digit are collected class by class, then trained on.

bugs: S04 at `loader = DataLoader(train_data, batch_size=32, shuffle=False)` or `for c in range(10):`
"""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(6)
digits = load_digits()
pixels = torch.tensor(digits.data, dtype=torch.float32) / 16.0
target = torch.tensor(digits.target)

train_x, train_y, test_x, test_y = [], [], [], []
for c in range(10):
    rows = torch.nonzero(target == c).flatten()
    rows = rows[torch.randperm(len(rows))]
    train_x.append(pixels[rows[:130]])
    train_y.append(target[rows[:130]])
    test_x.append(pixels[rows[130:]])
    test_y.append(target[rows[130:]])

train_data = TensorDataset(torch.cat(train_x), torch.cat(train_y))
loader = DataLoader(train_data, batch_size=32, shuffle=False)
test_x, test_y = torch.cat(test_x), torch.cat(test_y)

net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

for epoch in range(15):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    with torch.no_grad():
        acc = (net(test_x).argmax(1) == test_y).float().mean().item()
    if epoch % 2 == 0:
        print(f"epoch {epoch}: loss {total / len(train_data):.3f} test accuracy {acc:.3f}")
