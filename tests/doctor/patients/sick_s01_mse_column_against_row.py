"""Diabetes regression with DataLoader.

bugs: S01 at `loss = criterion(net(xb), yb)`
"""
import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
X, y = load_diabetes(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.25, random_state=0)
mu, sd, ym, ys = X_train.mean(0), X_train.std(0), y_train.mean(), y_train.std()
X_train = torch.tensor((X_train - mu) / sd, dtype=torch.float32)
X_val = torch.tensor((X_val - mu) / sd, dtype=torch.float32)
y_train = torch.tensor((y_train - ym) / ys, dtype=torch.float32)
y_val = torch.tensor((y_val - ym) / ys, dtype=torch.float32)

loader = DataLoader(TensorDataset(X_train, y_train), batch_size=32, shuffle=True)
net = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.005)

for epoch in range(20):
    running_loss = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    if epoch % 4 == 0:
        print(f"epoch {epoch} loss {running_loss / len(loader):.4f}")

net.eval()
with torch.no_grad():
    pred = net(X_val).squeeze(1)
    r2 = 1 - ((pred - y_val) ** 2).sum() / ((y_val - y_val.mean()) ** 2).sum()
print(f"validation R2 {r2.item():.3f}")
