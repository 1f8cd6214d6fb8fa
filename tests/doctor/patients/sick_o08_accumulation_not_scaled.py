"""Small batches because of memory: gradients of eight of them are collected before a step.

bugs: O08 at `loss.backward()` or `optimizer.step()`
"""
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

ACCUMULATION_STEPS = 8
torch.manual_seed(41)
d = load_digits()
x_tr, x_te, y_tr, y_te = train_test_split(d.images, d.target, test_size=389, random_state=41, stratify=d.target)
make = lambda x, y: TensorDataset(torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y))
train_loader = DataLoader(make(x_tr, y_tr), batch_size=8, shuffle=True)
test_loader = DataLoader(make(x_te, y_te), batch_size=120)

model = nn.Sequential(nn.Flatten(), nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

for epoch in range(6):
    model.train()
    optimizer.zero_grad()
    seen = 0.0
    for step, (images, labels) in enumerate(train_loader, start=1):
        loss = criterion(model(images), labels)
        loss.backward()
        seen += loss.item()
        if step % ACCUMULATION_STEPS == 0:
            optimizer.step()
            optimizer.zero_grad()
    print(f"epoch {epoch}: train loss {seen / len(train_loader):.4f}")

model.eval()
right = 0
with torch.no_grad():
    for images, labels in test_loader:
        right += (model(images).argmax(1) == labels).sum().item()
print("test accuracy", right / len(y_te))
