"""Binary classifier on two circles, a single logit.

bugs: V06 at `acc = (pred == y_val).float().mean()`
"""
import torch
from sklearn.datasets import make_circles
from torch import nn

torch.manual_seed(13)
X, y = make_circles(600, noise=0.08, factor=0.4, random_state=13)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
x_tr, y_tr, x_val, y_val = X[:450], y[:450], X[450:], y[450:]

model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
bce = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(100):
    logits = model(x_tr)
    loss = bce(logits.squeeze(1), y_tr)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if epoch % 20 == 0:
        with torch.no_grad():
            pred = (torch.sigmoid(model(x_val)) > 0.5).float()
            acc = (pred == y_val).float().mean()
        print(f"epoch {epoch:3d} loss {loss.item():.3f} val acc {acc.item():.3f}")
