"""Wine quality with three classes, everything in one loop.

bugs: O07 at `model = build_model()` or `optimizer = torch.optim.SGD(model.parameters(), lr=0.05)`
"""
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

torch.manual_seed(19)

X, y = make_classification(700, 11, n_informative=7, n_classes=3, class_sep=1.4, random_state=19)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=19)
scaler = StandardScaler()
X_train = torch.tensor(scaler.fit_transform(X_train)).float()
X_val = torch.tensor(scaler.transform(X_val)).float()
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


def build_model():
    return nn.Sequential(nn.Linear(11, 32), nn.ReLU(), nn.Linear(32, 3))


criterion = nn.CrossEntropyLoss()
n_epochs, bs = 12, 35
for epoch in range(n_epochs):
    model = build_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    permutation = torch.randperm(X_train.size(0))
    total = 0.0
    for i in range(0, X_train.size(0), bs):
        indices = permutation[i:i + bs]
        optimizer.zero_grad()
        outputs = model(X_train[indices])
        loss = criterion(outputs, y_train[indices])
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"Epoch {epoch + 1}/{n_epochs}, average loss {total / (X_train.size(0) / bs):.4f}")

with torch.no_grad():
    print("Validation accuracy", (model(X_val).argmax(dim=1) == y_val).float().mean().item())
