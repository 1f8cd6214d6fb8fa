"""One trunk, two tasks: which digit is it, and how much ink is on the paper?

healthy: two backward() calls add up gradients before one step on purpose (retain_graph for the shared trunk)
"""
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(4)
np.random.seed(4)


class InkDigits(Dataset):
    def __init__(self, images, labels, ink_mean, ink_std):
        self.images = torch.tensor(images / 16.0, dtype=torch.float32)
        self.labels = torch.tensor(labels)
        ink = self.images.sum(dim=(1, 2)).sqrt()
        self.ink = ((ink - ink_mean) / ink_std).unsqueeze(1)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.images[index], self.labels[index], self.ink[index]


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU())
        self.heads = nn.ModuleDict({"digit": nn.Linear(48, 10), "ink": nn.Linear(48, 1)})

    def forward(self, img):
        h = self.trunk(img)
        return self.heads["digit"](h), self.heads["ink"](h)


bunch = load_digits()
img_tr, img_te, lab_tr, lab_te = train_test_split(bunch.images, bunch.target, test_size=400, random_state=4)
ink_tr = np.sqrt((img_tr / 16.0).sum(axis=(1, 2)))
stats = float(ink_tr.mean()), float(ink_tr.std())
train_loader = DataLoader(InkDigits(img_tr, lab_tr, *stats), batch_size=64, shuffle=True)
test_loader = DataLoader(InkDigits(img_te, lab_te, *stats), batch_size=200)

model = TwoHeads()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
ce, mse = nn.CrossEntropyLoss(), nn.MSELoss()

for epoch in range(20):
    sums = {"digit": 0.0, "ink": 0.0}
    for img, lab, ink in train_loader:
        model.zero_grad()
        logits, ink_hat = model(img)
        loss_digit = ce(logits, lab)
        loss_digit.backward(retain_graph=True)
        loss_ink = 0.5 * mse(ink_hat, ink)
        loss_ink.backward()
        optimizer.step()
        sums["digit"] += loss_digit.item() * len(img)
        sums["ink"] += loss_ink.item() * len(img)
    if epoch % 3 == 1:
        print(epoch, {k: round(v / len(img_tr), 4) for k, v in sums.items()})

correct, squared = 0, 0.0
with torch.no_grad():
    for img, lab, ink in test_loader:
        logits, ink_hat = model(img)
        correct += (logits.argmax(dim=1) == lab).sum().item()
        squared += (ink_hat - ink).pow(2).sum().item()
print("digit accuracy", correct / len(test_loader.dataset))
print("ink error (1.0 is guessing the mean)", squared / len(test_loader.dataset))
