"""Handwritten digits with a small multi-layer perceptron and class probabilities at the end.

healthy: softmax is applied only in predict_proba, outside the loss; CrossEntropyLoss gets raw logits
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

digits = load_digits()
X = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target, dtype=torch.long)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=42, stratify=y)


class DigitNet(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.drop = nn.Dropout(0.1)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x):
        x = self.drop(F.relu(self.fc1(x)))
        return self.fc2(x)

    @torch.no_grad()
    def predict_proba(self, x):
        self.eval()
        return F.softmax(self(x), dim=1)


net = DigitNet()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=64, shuffle=True)

for epoch in range(20):
    net.train()
    running = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1:2d}  loss {running / len(X_train):.4f}")

probs = net.predict_proba(X_test)
confidence, predicted = probs.max(dim=1)
print(f"test accuracy {(predicted == y_test).float().mean().item():.3f}")
print(f"mean confidence {confidence.mean().item():.3f}")
for i in range(3):
    print(y_test[i].item(), predicted[i].item(), round(confidence[i].item(), 3))
