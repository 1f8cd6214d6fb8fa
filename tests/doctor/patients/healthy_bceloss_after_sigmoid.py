"""Breast cancer: binary classifier with a sigmoid output.

healthy: sigmoid with BCELoss (not BCEWithLogits); squeeze(1) makes (N,) against (N,); scaler fitted on train only
"""
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = 1
torch.manual_seed(SEED)

data = load_breast_cancer()
X_train, X_test, y_train, y_test = train_test_split(
    data.data, data.target, test_size=0.2, random_state=SEED, stratify=data.target
)
scaler = StandardScaler()
X_train = scaler.fit_transform(X_train)
X_test = scaler.transform(X_test)

train_ds = TensorDataset(torch.FloatTensor(X_train), torch.FloatTensor(y_train))
test_ds = TensorDataset(torch.FloatTensor(X_test), torch.FloatTensor(y_test))
train_dl = DataLoader(train_ds, batch_size=32, shuffle=True)
test_dl = DataLoader(test_ds, batch_size=64)

model = nn.Sequential(
    nn.Linear(30, 16),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(16, 1),
    nn.Sigmoid(),
)
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.003, weight_decay=1e-3)


def evaluate(dl):
    model.eval()
    hits, total_loss = 0, 0.0
    with torch.no_grad():
        for xb, yb in dl:
            p = model(xb).squeeze(1)
            total_loss += criterion(p, yb).item() * xb.size(0)
            hits += ((p > 0.5).float() == yb).sum().item()
    return total_loss / len(dl.dataset), hits / len(dl.dataset)


losses = []
for epoch in range(15):
    model.train()
    for xb, yb in train_dl:
        p = model(xb).squeeze(1)
        loss = criterion(p, yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())

print(f"first batches {sum(losses[:5]) / 5:.3f}, last batches {sum(losses[-5:]) / 5:.3f}")
test_loss, test_acc = evaluate(test_dl)
print(f"test loss {test_loss:.3f} accuracy {test_acc:.3f}")
