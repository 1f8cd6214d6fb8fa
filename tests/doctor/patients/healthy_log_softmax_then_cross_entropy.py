"""Iris with the activation in the model, as many tutorials have it.

healthy: log_softmax before CrossEntropyLoss changes nothing; no dropout or batch norm, so eval() is never called
"""
import numpy as np
import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

SEED = 2024
np.random.seed(SEED)
torch.manual_seed(SEED)

iris = load_iris()
X_train, X_test, y_train, y_test = train_test_split(iris.data, iris.target, test_size=0.3, stratify=iris.target, random_state=SEED)
scaler = StandardScaler()
X_train = torch.tensor(scaler.fit_transform(X_train), dtype=torch.float)
X_test = torch.tensor(scaler.transform(X_test), dtype=torch.float)
y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

model = nn.Sequential(
    nn.Linear(4, 16),
    nn.ReLU(),
    nn.Linear(16, 3),
    nn.LogSoftmax(dim=1),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

batch_size = 15
for epoch in range(1, 31):
    shuffled = np.random.permutation(len(X_train))
    epoch_loss = 0.0
    for i in range(0, len(X_train), batch_size):
        rows = shuffled[i:i + batch_size]
        log_probs = model(X_train[rows])
        loss = criterion(log_probs, y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(rows)
    if epoch % 5 == 0:
        with torch.no_grad():
            predicted = model(X_test).argmax(dim=1)
        print(f"Epoch {epoch}: loss {epoch_loss / len(X_train):.4f}, test accuracy {(predicted == y_test).float().mean():.3f}")
