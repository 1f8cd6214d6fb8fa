"""Blobs with logistic regression in PyTorch.

bugs: A01 at `optimizer.step`; O03 at `optimizer.step` or `loss.backward()`
"""
import torch
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(0)

X, y = make_blobs(n_samples=500, centers=2, cluster_std=3.0, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
mean, std = X_train.mean(axis=0), X_train.std(axis=0)
X_train = torch.from_numpy((X_train - mean) / std).float()
X_test = torch.from_numpy((X_test - mean) / std).float()
y_train = torch.from_numpy(y_train).float().view(-1, 1)
y_test = torch.from_numpy(y_test).float().view(-1, 1)


class LogisticRegression(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.linear = nn.Linear(n_features, 1)

    def forward(self, x):
        return torch.sigmoid(self.linear(x))


model = LogisticRegression(2)
criterion = nn.BCELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for epoch in range(100):
    y_predicted = model(X_train)
    loss = criterion(y_predicted, y_train)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step
    if (epoch + 1) % 20 == 0:
        print(f"epoch: {epoch + 1}, loss = {loss.item():.4f}")

with torch.no_grad():
    y_cls = model(X_test).round()
    print(f"accuracy: {y_cls.eq(y_test).sum() / float(y_test.shape[0]):.4f}")
