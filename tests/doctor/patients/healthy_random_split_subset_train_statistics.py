"""Digits as images, a small convolutional net, random_split.

healthy: mean and std from the train indices only; a Subset of the train part for a quick look; view before fc
"""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Subset, random_split


class Digits(Dataset):
    def __init__(self):
        raw = load_digits()
        self.images = torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1)
        self.labels = torch.tensor(raw.target)
        self.mean, self.std = 0.0, 1.0

    def set_statistics(self, indices):
        part = self.images[indices]
        self.mean, self.std = part.mean(), part.std()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return (self.images[i] - self.mean) / self.std, self.labels[i]


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.drop = nn.Dropout(0.25)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        x = x.view(-1, 16 * 2 * 2)
        return self.fc(self.drop(x))


def correct(model, loader):
    model.eval()
    hits = 0
    with torch.no_grad():
        for img, lab in loader:
            _, guess = torch.max(model(img), 1)
            hits += (guess == lab).sum().item()
    return hits


torch.manual_seed(77)
data = Digits()
n_test = len(data) // 5
train_set, test_set = random_split(data, [len(data) - n_test, n_test], generator=torch.Generator().manual_seed(77))
data.set_statistics(train_set.indices)

train_loader = DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True)
test_loader = DataLoader(test_set, batch_size=100)
peek = DataLoader(Subset(train_set, range(50)), batch_size=50)

net = ConvNet()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
for epoch in range(7):
    net.train()
    running = 0.0
    for img, lab in train_loader:
        opt.zero_grad()
        loss = functional.cross_entropy(net(img), lab)
        loss.backward()
        opt.step()
        running += loss.item()
    print(f"epoch {epoch} loss {running / len(train_loader):.4f}, {correct(net, peek)} of 50 known ones")
print("test accuracy", correct(net, test_loader) / len(test_set))
