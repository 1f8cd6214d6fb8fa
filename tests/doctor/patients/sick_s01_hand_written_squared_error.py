"""Linear regression by hand: autograd, no optimizer, no nn.Module.

bugs: S01 at `mse = ((y_hat - y_train) ** 2).mean()`
"""
import numpy as np
import torch


def make_data(n, rng):
    X = rng.normal(size=(n, 3))
    y = X @ np.array([1.5, -2.0, 0.7]) + 0.4 + rng.normal(scale=0.1, size=n)
    return torch.from_numpy(X).float(), torch.from_numpy(y).float()


rng = np.random.default_rng(0)
torch.manual_seed(0)
X_train, y_train = make_data(200, rng)
X_test, y_test = make_data(80, rng)

w = torch.randn(3, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
lr = 0.1

for it in range(150):
    y_hat = X_train @ w + b
    mse = ((y_hat - y_train) ** 2).mean()
    mse.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
    w.grad = None
    b.grad = None
    if it % 30 == 0:
        print("iteration", it, "mse", mse.item())

print("weights", w.detach().flatten().tolist(), "bias", b.item())
with torch.no_grad():
    err = (X_test @ w + b).flatten() - y_test
    print("test rmse", err.pow(2).mean().sqrt().item())
