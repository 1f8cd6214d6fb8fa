"""Four blobs, a two-layer network.

bugs: L04 at `return self.relu2(self.fc2(out))`; O01 at `optimizer.step()` or `optimizer.zero_grad()`
"""
import torch
from sklearn.datasets import make_blobs
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(5)
X, y = make_blobs(900, n_features=6, centers=4, cluster_std=3.5, random_state=5)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
mean, std = X[:700].mean(0), X[:700].std(0)
X = (X - mean) / std
train_dl = DataLoader(TensorDataset(X[:700], y[:700]), batch_size=35, shuffle=True)
X_valid, y_valid = X[700:], y[700:]


class NeuralNet(nn.Module):
    def __init__(self, input_size, hidden_size, num_classes):
        super().__init__()
        self.fc1 = nn.Linear(input_size, hidden_size)
        self.relu1 = nn.ReLU()
        self.fc2 = nn.Linear(hidden_size, num_classes)
        self.relu2 = nn.ReLU()

    def forward(self, x):
        out = self.relu1(self.fc1(x))
        return self.relu2(self.fc2(out))


model = NeuralNet(6, 20, 4)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)

for epoch in range(15):
    optimizer.zero_grad()
    running = 0.0
    for features, labels in train_dl:
        loss = criterion(model(features), labels)
        loss.backward()
        optimizer.step()
        running += loss.item()
    if epoch % 3 == 0:
        print(f"epoch {epoch} loss {running / len(train_dl):.4f}")

with torch.no_grad():
    scores = model(X_valid)
print("valid accuracy", (scores.argmax(1) == y_valid).float().mean().item(), "zeros", (scores == 0).float().mean().item())
