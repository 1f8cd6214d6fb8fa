"""Uncertainty with MC-dropout on the breast cancer table.

healthy: MC-dropout, the dropout layers alone are put back into train() after model.eval() on purpose
"""
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)


class BayesianMLP(nn.Module):
    def __init__(self, n_in, n_hidden=32, p=0.2):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, n_hidden), nn.BatchNorm1d(n_hidden), nn.ReLU(), nn.Dropout(p),
            nn.Linear(n_hidden, n_hidden), nn.ReLU(), nn.Dropout(p),
            nn.Linear(n_hidden, 2),
        )

    def forward(self, x):
        return self.layers(x)


def enable_dropout(model):
    """Switch only the dropout layers to sampling mode."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.train()


def mc_predict(model, x, n_samples=20):
    model.eval()
    enable_dropout(model)
    with torch.no_grad():
        probs = torch.stack([model(x).softmax(dim=-1) for _ in range(n_samples)])
    return probs.mean(dim=0), probs.std(dim=0)


X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
scaler = StandardScaler().fit(X_train)
train_set = TensorDataset(torch.tensor(scaler.transform(X_train), dtype=torch.float32), torch.tensor(y_train))
x_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
y_test = torch.tensor(y_test)
loader = DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True)

model = BayesianMLP(30)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3)
loss_fn = nn.CrossEntropyLoss()
for epoch in range(12):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1} train loss {total / len(loader):.3f}")

mean, std = mc_predict(model, x_test)
right = mean.argmax(dim=1) == y_test
print(f"test accuracy of the averaged prediction: {right.float().mean().item():.3f}")
print(f"std where right {std[right].mean().item():.3f}, where mistaken {std[~right].mean().item():.3f}")
