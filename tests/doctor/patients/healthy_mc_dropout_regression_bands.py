"""Error bands for a noisy curve by keeping dropout on.

healthy: MC-dropout by an explicit model.train() before sampling; a second, deterministic prediction uses eval()
"""
import numpy as np
import torch
from torch import nn, optim

rng = np.random.default_rng(8)
torch.manual_seed(8)

x = rng.uniform(-2, 2, size=(600, 1)).astype(np.float32)
y = (np.sin(2 * x) + 0.15 * rng.standard_normal(x.shape)).astype(np.float32)
x_train, y_train = torch.from_numpy(x[:450]), torch.from_numpy(y[:450])
x_val, y_val = torch.from_numpy(x[450:]), torch.from_numpy(y[450:])

net = nn.Sequential(
    nn.Linear(1, 64), nn.ReLU(), nn.Dropout(0.05),
    nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.05),
    nn.Linear(64, 1),
)
optimizer = optim.Adam(net.parameters(), lr=5e-3)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=25, gamma=0.4)
mse = nn.MSELoss()


def point_prediction(inputs):
    net.eval()
    with torch.no_grad():
        return net(inputs)


def sample_predictions(inputs, n=30):
    net.train()
    with torch.no_grad():
        return torch.stack([net(inputs) for _ in range(n)])


for epoch in range(60):
    net.train()
    order = torch.randperm(len(x_train))
    for idx in order.split(50):
        optimizer.zero_grad()
        loss = mse(net(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
    scheduler.step()
    if epoch % 10 == 9:
        val = mse(point_prediction(x_val), y_val).item()
        print(f"epoch {epoch + 1} val mse {val:.4f}")

draws = sample_predictions(x_val)
mu, sigma = draws.mean(0), draws.std(0)
noise = 0.15
inside = ((y_val - mu).abs() < 2 * (sigma**2 + noise**2).sqrt()).float().mean().item()
print(f"mc val mse {mse(mu, y_val).item():.4f}, {100 * inside:.0f} % of held-out points inside two sigma "
      f"(mean sigma {sigma.mean().item():.3f})")
