"""Linear regression by hand: autograd and a plain update.

bugs: O01 at `loss.backward()` or `w -= lr * w.grad`
"""
import numpy as np
import torch

np.random.seed(3)
torch.manual_seed(3)

inputs = np.random.randn(160, 3).astype("float32")
slopes = np.array([[1.2], [-0.7], [0.4]], dtype="float32")
targets = inputs @ slopes + 0.3 + 0.1 * np.random.randn(160, 1).astype("float32")
inputs, targets = torch.from_numpy(inputs), torch.from_numpy(targets)
train_x, valid_x = inputs[:120], inputs[120:]
train_y, valid_y = targets[:120], targets[120:]

w = torch.randn(3, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
lr = 0.05


def model(x):
    return x @ w + b


def mse(t1, t2):
    diff = t1 - t2
    return (diff * diff).mean()


for i in range(100):
    preds = model(train_x)
    loss = mse(preds, train_y)
    loss.backward()
    with torch.no_grad():
        w -= lr * w.grad
        b -= lr * b.grad
    if i % 10 == 0:
        print("iteration", i, "loss", loss.item())

with torch.no_grad():
    print("validation mse", mse(model(valid_x), valid_y).item(), "variance", valid_y.var().item())
print("w", w.detach().flatten().tolist(), "b", b.item())
