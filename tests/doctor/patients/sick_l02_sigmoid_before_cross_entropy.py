"""A small CNN on 8x8 digits.

bugs: L02 at `x = torch.sigmoid(self.fc2(x))`
"""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset


class DigitImages(Dataset):
    def __init__(self, images, labels):
        self.images = torch.tensor(images, dtype=torch.float32).div(8).sub(1).unsqueeze(1)
        self.labels = torch.tensor(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        return self.images[idx], self.labels[idx]


class CNN(nn.Module):
    def __init__(self, n_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(8 * 4 * 4, 32)
        self.fc2 = nn.Linear(32, n_classes)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = torch.flatten(x, 1)
        x = torch.relu(self.fc1(x))
        x = torch.sigmoid(self.fc2(x))
        return x


def train(cnn, loader, loss_fn, opt):
    cnn.train()
    total = 0.0
    for img, lab in loader:
        out = cnn(img)
        loss = loss_fn(out, lab)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(lab)
    return total / len(loader.dataset)


def evaluate(cnn, loader):
    cnn.eval()
    good = 0
    with torch.no_grad():
        for img, lab in loader:
            good += (cnn(img).argmax(1) == lab).sum().item()
    return good / len(loader.dataset)


torch.manual_seed(3)
d = load_digits()
order = torch.randperm(len(d.target), generator=torch.Generator().manual_seed(3)).numpy()
tr, te = order[:1400], order[1400:]
train_dl = DataLoader(DigitImages(d.images[tr], d.target[tr]), batch_size=50, shuffle=True)
test_dl = DataLoader(DigitImages(d.images[te], d.target[te]), batch_size=100)
cnn = CNN()
optimizer = torch.optim.Adam(cnn.parameters(), lr=4e-3)
for epoch in range(8):
    print(epoch, round(train(cnn, train_dl, nn.CrossEntropyLoss(), optimizer), 4), evaluate(cnn, test_dl))
