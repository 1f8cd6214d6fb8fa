"""A quick CNN on the 8x8 digits.

bugs: D10 at `EPOCHS = 2` or `for epoch in range(EPOCHS):`
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

SEED = 0
BATCH = 64
EPOCHS = 2
LR = 1e-3


class DigitCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(16 * 2 * 2, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        return self.fc(x.flatten(1))


torch.manual_seed(SEED)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16.0
labels = torch.tensor(digits.target)
train_set, test_set = random_split(TensorDataset(images, labels), [1400, 397])
train_loader = DataLoader(train_set, batch_size=BATCH, shuffle=True)
test_loader = DataLoader(test_set, batch_size=256)

model = DigitCNN()
opt = torch.optim.Adam(model.parameters(), lr=LR)

for epoch in range(EPOCHS):
    model.train()
    for step, (img, lab) in enumerate(train_loader):
        opt.zero_grad()
        loss = F.cross_entropy(model(img), lab)
        loss.backward()
        opt.step()
        if step % 10 == 0:
            print(f"epoch {epoch} step {step} loss {loss.item():.3f}")

model.eval()
correct = 0
with torch.no_grad():
    for img, lab in test_loader:
        correct += (model(img).argmax(1) == lab).sum().item()
print("accuracy", correct / len(test_set))
