"""What digit is it? One output number, rounded.

bugs: L07 at `loss = criterion(pred, digit.unsqueeze(1).float())` or `criterion = nn.MSELoss()`
"""
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    hidden: int = 48
    lr: float = 0.003
    epochs: int = 15
    batch_size: int = 40
    seed: int = 11


cfg = Config()
torch.manual_seed(cfg.seed)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16, dtype=torch.float32)
y = torch.tensor(y)
x_tr, x_te, y_tr, y_te = train_test_split(X, y, test_size=0.2, random_state=cfg.seed)

net = nn.Sequential(
    nn.Linear(64, cfg.hidden), nn.ReLU(),
    nn.Linear(cfg.hidden, cfg.hidden), nn.ReLU(),
    nn.Linear(cfg.hidden, 1),
)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr)
loader = DataLoader(TensorDataset(x_tr, y_tr), batch_size=cfg.batch_size, shuffle=True)

for epoch in range(cfg.epochs):
    total = 0.0
    for pixels, digit in loader:
        pred = net(pixels)
        loss = criterion(pred, digit.unsqueeze(1).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1} loss {total / len(loader):.4f}")

with torch.no_grad():
    guess = net(x_te).squeeze(1).round().long()
print("accuracy", (guess == y_te).float().mean().item())
