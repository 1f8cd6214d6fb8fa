"""DQN on a corridor of 8 cells: walk right to the goal, a step costs a little.

healthy: a target network that is in no optimizer, updated by load_state_dict; bootstrapped targets under no_grad
"""
import random
from collections import deque

import torch
from torch import nn
from torch.nn import functional

SEED = 11
random.seed(SEED)
torch.manual_seed(SEED)

N, GAMMA, BATCH = 8, 0.9, 32


class Corridor:
    def reset(self):
        self.pos = random.randrange(N - 1)
        return self.pos

    def step(self, action):
        self.pos = max(0, self.pos + (1 if action == 1 else -1))
        done = self.pos == N - 1
        return self.pos, (1.0 if done else -0.05), done


class QNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(N, 32)
        self.fc2 = nn.Linear(32, 2)

    def forward(self, s):
        return self.fc2(functional.relu(self.fc1(functional.one_hot(s, N).float())))


policy, target = QNet(), QNet()
target.load_state_dict(policy.state_dict())
optimizer = torch.optim.Adam(policy.parameters(), lr=5e-3)
memory = deque(maxlen=2000)


def learn():
    s, a, r, s2, done = (torch.tensor(col) for col in zip(*random.sample(memory, BATCH)))
    q = policy(s).gather(1, a.unsqueeze(1)).squeeze(1)
    with torch.no_grad():
        best_next = target(s2).max(dim=1).values
        goal = r + GAMMA * best_next * (1 - done.float())
    loss = functional.smooth_l1_loss(q, goal)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def greedy_success(start):
    env = Corridor()
    env.pos = start
    for _ in range(2 * N):
        with torch.no_grad():
            a = policy(torch.tensor([env.pos])).argmax(1).item()
        if env.step(a)[2]:
            return True
    return False


env, steps = Corridor(), 0
for episode in range(70):
    s, eps, losses = env.reset(), max(0.1, 1 - episode / 40), []
    for t in range(20):
        if random.random() < eps:
            a = random.randrange(2)
        else:
            with torch.no_grad():
                a = policy(torch.tensor([s])).argmax(1).item()
        s2, r, done = env.step(a)
        memory.append((s, a, r, s2, done))
        s, steps = s2, steps + 1
        if len(memory) >= BATCH:
            losses.append(learn())
        if steps % 25 == 0:
            target.load_state_dict(policy.state_dict())
        if done:
            break
    if episode % 10 == 9:
        won = sum(greedy_success(c) for c in range(N - 1))
        print(f"episode {episode + 1} loss {sum(losses) / max(1, len(losses)):.4f} greedy wins from {won}/{N - 1} cells")
