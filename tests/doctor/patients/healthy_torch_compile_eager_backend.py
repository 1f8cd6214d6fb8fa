"""Digits with torch.compile, falling back to the plain module where that is not to be had.

healthy: a torch.compile'd model (backend="eager"); the optimizer holds the parameters of the original module
"""
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, 10)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)


def try_compile(module, sample):
    try:
        compiled = torch.compile(module, backend="eager", dynamic=True)
        with torch.no_grad():
            compiled(sample)
        return compiled
    except Exception as error:
        print("no torch.compile here:", type(error).__name__)
        return module


def main():
    torch.manual_seed(10)
    X, y = load_digits(return_X_y=True)
    X_train, X_val, y_train, y_val = train_test_split(X / 16.0, y, test_size=0.25, random_state=10, stratify=y)
    train = TensorDataset(torch.tensor(X_train, dtype=torch.float32), torch.tensor(y_train))
    val = TensorDataset(torch.tensor(X_val, dtype=torch.float32), torch.tensor(y_val))
    train_loader = DataLoader(train, batch_size=64, shuffle=True)
    val_loader = DataLoader(val, batch_size=64)

    net = Net()
    model = try_compile(net, train.tensors[0][:64])
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(10):
        running_loss = 0.0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * inputs.size(0)
        correct = 0
        with torch.no_grad():
            for inputs, labels in val_loader:
                correct += (model(inputs).argmax(1) == labels).sum().item()
        print(f"epoch {epoch + 1} loss {running_loss / len(train):.3f} val acc {correct / len(val):.3f}")


if __name__ == "__main__":
    main()
