"""Small CNN on the digits with label smoothing and background workers.

healthy: label smoothing in the training loss (plain cross-entropy for validation); DataLoader with two workers
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset


class Digits(Dataset):
    def __init__(self, images, labels, train):
        self.images, self.labels, self.train = images, labels, train

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        img = torch.from_numpy(self.images[i]).float().unsqueeze(0) / 16.0
        if self.train and torch.rand(1).item() < 0.5:
            img = torch.roll(img, int(torch.randint(-1, 2, (1,))), dims=2)
        return img, int(self.labels[i])


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 2 * 2, 10)
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(self.dropout(x.flatten(1)))


if __name__ == "__main__":
    torch.manual_seed(30)
    d = load_digits()
    tr_x, va_x, tr_y, va_y = train_test_split(d.images, d.target, test_size=0.25, random_state=30, stratify=d.target)
    train_loader = DataLoader(Digits(tr_x, tr_y, True), batch_size=64, shuffle=True, num_workers=2, persistent_workers=True)
    val_loader = DataLoader(Digits(va_x, va_y, False), batch_size=225)
    net = CNN()
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    for epoch in range(8):
        net.train()
        run = 0.0
        for img, lab in train_loader:
            opt.zero_grad()
            loss = criterion(net(img), lab)
            loss.backward()
            opt.step()
            run += loss.item() * len(lab)
        net.eval()
        val_loss, right = 0.0, 0
        with torch.no_grad():
            for img, lab in val_loader:
                out = net(img)
                val_loss += F.cross_entropy(out, lab, reduction="sum").item()
                right += (out.argmax(1) == lab).sum().item()
        print(f"epoch {epoch} train {run / len(tr_y):.3f} val {val_loss / len(va_y):.3f} acc {right / len(va_y):.3f}")
