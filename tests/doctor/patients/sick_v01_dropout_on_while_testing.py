"""Digits with dropout, train() and test() functions as in the PyTorch examples.

bugs: V01 at `output = model(data_te)`
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 96)
        self.fc2 = nn.Linear(96, 10)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x):
        x = self.dropout(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def train(model, loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(loader):
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
    print(f"Train Epoch: {epoch} Loss: {loss.item():.4f}")


def test(model, loader):
    test_loss, correct = 0, 0
    with torch.no_grad():
        for data_te, target in loader:
            output = model(data_te)
            test_loss += F.nll_loss(output, target, reduction="sum").item()
            correct += output.argmax(dim=1).eq(target).sum().item()
    n = len(loader.dataset)
    print(f"Test set: Average loss: {test_loss / n:.4f}, Accuracy: {correct}/{n}")


def main():
    torch.manual_seed(1)
    d = load_digits()
    ds = TensorDataset(torch.tensor(d.data, dtype=torch.float32) / 16, torch.tensor(d.target))
    tr, te = random_split(ds, [1347, 450])
    train_loader = DataLoader(tr, batch_size=64, shuffle=True)
    test_loader = DataLoader(te, batch_size=450)
    model = Net()
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(1, 13):
        train(model, train_loader, optimizer, epoch)
    test(model, test_loader)


if __name__ == "__main__":
    main()
