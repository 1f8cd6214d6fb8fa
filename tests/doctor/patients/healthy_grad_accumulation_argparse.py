"""Digits with a small memory budget: 4 micro-batches make one big batch.

healthy: gradient accumulation, every loss divided by the number of micro-batches, zero_grad only after a step
"""
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=14)
parser.add_argument("--micro-batch", type=int, default=16)
parser.add_argument("--accum", type=int, default=4)
parser.add_argument("--lr", type=float, default=4e-3)
parser.add_argument("--seed", type=int, default=0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 48)
        self.fc2 = nn.Linear(48, 10)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        return self.fc2(self.drop(F.relu(self.fc1(x))))


def evaluate(model, loader):
    model.eval()
    right = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(1) == y).sum().item()
    return right / len(loader.dataset)


def main():
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    X, y = load_digits(return_X_y=True)
    X_tr, X_te, y_tr, y_te = train_test_split(X / 16.0, y, test_size=0.25, random_state=args.seed, stratify=y)
    train = TensorDataset(torch.tensor(X_tr, dtype=torch.float32), torch.tensor(y_tr))
    test = TensorDataset(torch.tensor(X_te, dtype=torch.float32), torch.tensor(y_te))
    train_loader = DataLoader(train, batch_size=args.micro_batch, shuffle=True)
    test_loader = DataLoader(test, batch_size=256)

    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    n_batches = len(train_loader)
    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        optimizer.zero_grad()
        for i, (x, y_) in enumerate(train_loader):
            group = min(args.accum, n_batches - i // args.accum * args.accum)
            loss = F.cross_entropy(model(x), y_) / group
            loss.backward()
            running += loss.item() * group
            if (i + 1) % args.accum == 0 or i + 1 == n_batches:
                optimizer.step()
                optimizer.zero_grad()
        print(f"epoch {epoch:2d} loss {running / n_batches:.3f} test acc {evaluate(model, test_loader):.3f}")


if __name__ == "__main__":
    main()
