"""Fine-tuning: a body trained on odd/even gets a new head for ten digits.

bugs: O04 at `optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)` or `model.head = nn.Linear(32, 10)`; O06 at `optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)` or `optimizer.step()`
"""
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class DigitModel(nn.Module):
    def __init__(self, n_out):
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU())
        self.head = nn.Linear(32, n_out)

    def forward(self, x):
        return self.head(self.backbone(x))


def pretrain(model, x, parity):
    opt = optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(10):
        for idx in torch.randperm(len(x)).split(64):
            opt.zero_grad()
            nn.functional.cross_entropy(model(x[idx]), parity[idx]).backward()
            opt.step()


torch.manual_seed(55)
images, labels = load_digits(return_X_y=True)
images = torch.tensor(images / 16, dtype=torch.float32)
labels = torch.tensor(labels)
x_train, x_test, y_train, y_test = train_test_split(images, labels, test_size=0.25, random_state=55)

model = DigitModel(2)
pretrain(model, x_train, y_train % 2)

optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
model.head = nn.Linear(32, 10)
criterion = nn.CrossEntropyLoss()
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)
head_before = model.head.weight.detach().clone()
for epoch in range(5):
    running_loss = 0.0
    for inputs, targets in loader:
        model.zero_grad()
        loss = criterion(model(inputs), targets)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    print(f"epoch {epoch} loss {running_loss / len(loader):.4f}")

with torch.no_grad():
    print("test accuracy", (model(x_test).argmax(1) == y_test).float().mean().item())
    print("change of the head", (model.head.weight - head_before).abs().sum().item())
