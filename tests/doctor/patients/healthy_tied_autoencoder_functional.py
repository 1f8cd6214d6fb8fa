"""Autoencoder whose decoder is the transposed encoder.

healthy: tied weights in functional style, each matrix is used twice in a forward pass
"""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(9)
X = torch.tensor(load_digits().data, dtype=torch.float32) / 16.0
X = X[torch.randperm(X.shape[0])]
train, held_out = X[:1400], X[1400:]
mean = train.mean(dim=0)

n_code = 16
W1 = (torch.randn(40, 64) / 8).requires_grad_()
b1 = torch.zeros(40, requires_grad=True)
W2 = (torch.randn(n_code, 40) / 40**0.5).requires_grad_()
b2 = torch.zeros(n_code, requires_grad=True)
c1 = torch.zeros(40, requires_grad=True)
c2 = mean.clone().requires_grad_()
params = [W1, b1, W2, b2, c1, c2]


def encode(x):
    return F.linear(torch.tanh(F.linear(x - mean, W1, b1)), W2, b2)


def decode(z):
    return F.linear(torch.tanh(F.linear(z, W2.t(), c1)), W1.t(), c2)


optim = torch.optim.SGD(params, lr=1.0, momentum=0.9)
for epoch in range(40):
    for batch in train[torch.randperm(len(train))].split(100):
        loss = F.mse_loss(decode(encode(batch)), batch)
        optim.zero_grad()
        loss.backward()
        optim.step()
    if epoch % 8 == 7:
        with torch.no_grad():
            err = F.mse_loss(decode(encode(held_out)), held_out).item()
        print(f"epoch {epoch + 1}: held-out mse {err:.4f} (predicting the mean image: {(held_out - mean).pow(2).mean():.4f})")
