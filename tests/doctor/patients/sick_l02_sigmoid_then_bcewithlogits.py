"""Breast cancer, binary classification with mini batches.

bugs: L02 at `self.act_out = nn.Sigmoid()` or `return self.act_out(self.layer_out(h))`
"""
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class BinaryClassification(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer_1 = nn.Linear(30, width)
        self.layer_2 = nn.Linear(width, width)
        self.layer_out = nn.Linear(width, 1)
        self.relu = nn.ReLU()
        self.act_out = nn.Sigmoid()

    def forward(self, inputs):
        h = self.relu(self.layer_1(inputs))
        h = self.relu(self.layer_2(h))
        return self.act_out(self.layer_out(h))


def binary_acc(y_pred, y_true):
    return (torch.round(y_pred) == y_true).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--epochs", type=int, default=15)
    ap.add_argument("--batch-size", type=int, default=32)
    ap.add_argument("--lr", type=float, default=0.003)
    ap.add_argument("--width", type=int, default=24)
    args = ap.parse_args()

    torch.manual_seed(69)
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.33, random_state=69)
    scaler = StandardScaler().fit(X_train)
    as_t = lambda a: torch.tensor(a, dtype=torch.float32)
    train_loader = DataLoader(TensorDataset(as_t(scaler.transform(X_train)), as_t(y_train).unsqueeze(1)),
                              batch_size=args.batch_size, shuffle=True)

    model = BinaryClassification(args.width)
    criterion = nn.BCEWithLogitsLoss()
    optimizer = optim.Adam(model.parameters(), lr=args.lr)
    for e in range(1, args.epochs + 1):
        epoch_loss = 0.0
        for X_batch, y_batch in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(X_batch), y_batch)
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
        print(f"Epoch {e:02d} | Loss: {epoch_loss / len(train_loader):.5f}")

    with torch.no_grad():
        print("test acc", binary_acc(model(as_t(scaler.transform(X_test))), as_t(y_test).unsqueeze(1)))


if __name__ == "__main__":
    main()
