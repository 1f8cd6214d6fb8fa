"""Digits, accuracy computed batch by batch.

bugs: V06 at `return correct / len(loader)`; V08 at `scores = network(pixels)`
"""
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset


class Digits(Dataset):
    def __init__(self, x, t):
        self.x, self.t = x, t

    def __getitem__(self, i):
        return torch.tensor(self.x[i], dtype=torch.float32) / 16, int(self.t[i])

    def __len__(self):
        return len(self.t)


def train_epoch(network, loader, criterion, optimizer):
    network.train()
    for pixels, digit in loader:
        optimizer.zero_grad()
        criterion(network(pixels), digit).backward()
        optimizer.step()


def get_accuracy(network, loader):
    network.eval()
    correct = 0
    for pixels, digit in loader:
        scores = network(pixels)
        correct += (scores.argmax(1) == digit).sum().item()
    return correct / len(loader)


def main():
    torch.manual_seed(3)
    x, t = load_digits(return_X_y=True)
    a, b, ta, tb = train_test_split(x, t, test_size=400, random_state=3, stratify=t)
    train_loader = DataLoader(Digits(a, ta), batch_size=64, shuffle=True)
    test_loader = DataLoader(Digits(b, tb), batch_size=50)
    network = nn.Sequential(nn.Linear(64, 50), nn.ReLU(), nn.Dropout(0.2), nn.Linear(50, 10))
    optimizer = optim.Adam(network.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(8):
        train_epoch(network, train_loader, criterion, optimizer)
        print("epoch", epoch, "accuracy", get_accuracy(network, test_loader))


main()
