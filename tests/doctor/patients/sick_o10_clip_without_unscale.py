"""Regression with the mixed precision recipe, on CPU with bfloat16.

bugs: O10 at `torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)` or `scaler.step(optimizer)`
"""
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(16)
x = torch.randn(800, 5)
y = x[:, :1] * x[:, 1:2] + torch.sin(2 * x[:, 2:3]) + 0.3 * x[:, 3:4] + 0.05 * torch.randn(800, 1)
train_ds, val_ds = random_split(TensorDataset(x, y), [640, 160])
train_loader = DataLoader(train_ds, batch_size=32, shuffle=True)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(5, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1))

    def forward(self, x):
        return self.net(x)


model = Regressor()
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scaler = torch.amp.GradScaler("cpu")
mse = nn.MSELoss()

for epoch in range(15):
    model.train()
    total = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(xb)
        loss = mse(out.float(), yb)
        scaler.scale(loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        scaler.step(optimizer)
        scaler.update()
        total += loss.item()
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1} loss {total / len(train_loader):.4f}")

xv, yv = val_ds[:]
with torch.no_grad():
    print("val mse", mse(model(xv), yv).item(), "variance", yv.var().item())
