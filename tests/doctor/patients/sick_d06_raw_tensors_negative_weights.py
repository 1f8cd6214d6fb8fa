"""Digits from raw tensors and autograd, no nn.Module.

bugs: D06 at `W1 = -0.1 * torch.rand(64, 40)` or `h = torch.relu(x @ W1 + b1)`
"""
import torch
from sklearn.datasets import load_digits

torch.manual_seed(21)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X, dtype=torch.float32) / 16
y = torch.tensor(y)
order = torch.randperm(len(X))
X, y = X[order], y[order]
x_train, y_train, x_val, y_val = X[:1400], y[:1400], X[1400:], y[1400:]

W1 = -0.1 * torch.rand(64, 40)
b1 = torch.zeros(40)
W2 = 0.2 * torch.randn(40, 10)
b2 = torch.zeros(10)
params = [W1, b1, W2, b2]
for p in params:
    p.requires_grad_()


def forward(x):
    h = torch.relu(x @ W1 + b1)
    return h @ W2 + b2


lr = 0.3
for epoch in range(15):
    perm = torch.randperm(len(x_train))
    total = 0.0
    for i in range(0, len(perm), 50):
        j = perm[i:i + 50]
        logp = torch.log_softmax(forward(x_train[j]), dim=1)
        loss = -logp[torch.arange(len(j)), y_train[j]].mean()
        loss.backward()
        with torch.no_grad():
            for p in params:
                p -= lr * p.grad
                p.grad.zero_()
        total += loss.item() * len(j)
    if epoch % 3 == 0:
        print(epoch, total / len(x_train))

with torch.no_grad():
    print("validation accuracy", (forward(x_val).argmax(1) == y_val).float().mean().item())
