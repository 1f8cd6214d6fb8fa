"""Digits CNN with batch norm and dropout.

bugs: V02 at `return backbone.eval()` or `logits = model(x_train[ids])`
"""
import torch
from sklearn.datasets import load_digits
from torch import nn, optim


def create_model(p=0.4):
    backbone = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(),
        nn.Dropout(p), nn.Linear(256, 10),
    )
    return backbone.eval()


def accuracy(model, x, y):
    with torch.inference_mode():
        return (model(x).argmax(1) == y).double().mean().item()


torch.manual_seed(77)
d = load_digits()
perm = torch.randperm(len(d.images))
images = torch.tensor(d.images / 16, dtype=torch.float32)[:, None][perm]
labels = torch.tensor(d.target)[perm]
x_train, x_test = images[:1300], images[1300:]
y_train, y_test = labels[:1300], labels[1300:]

model = create_model()
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=4e-3)
for epoch in range(14):
    total = 0.0
    for ids in torch.randperm(1300).split(65):
        logits = model(x_train[ids])
        loss = criterion(logits, y_train[ids])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 0:
        print(f"epoch {epoch} loss {total / 20:.4f}")

model.eval()
print("test accuracy", accuracy(model, x_test, y_test))
