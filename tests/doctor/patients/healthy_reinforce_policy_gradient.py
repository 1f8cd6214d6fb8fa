"""REINFORCE on a little corridor: walk to the side that the first observation announces.

healthy: loss is -log_prob * advantage with a softmax policy; the baseline is detached; the loss need not fall
"""
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(7)
BATCH, STEPS = 32, 6


class Corridor:
    """A batch of corridors of length 7; start in the middle, reward 1 at the announced end, -1 at the other."""

    def __init__(self, n, gen):
        self.n, self.gen = n, gen

    def reset(self):
        self.pos = torch.zeros(self.n)
        self.goal = torch.randint(0, 2, (self.n,), generator=self.gen).float() * 2 - 1
        return self.observe()

    def observe(self):
        return torch.stack([self.pos / 3, self.goal], dim=1)

    def step(self, action):
        alive = self.pos.abs() < 3
        self.pos = self.pos + alive * (action.float() * 2 - 1)
        ended = alive & (self.pos.abs() >= 3)
        reward = ended.float() * torch.sign(self.pos) * self.goal
        return self.observe(), reward, alive


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 32), nn.Tanh())
        self.actor = nn.Linear(32, 2)
        self.critic = nn.Linear(32, 1)

    def forward(self, obs):
        h = self.body(obs)
        return torch.softmax(self.actor(h), dim=-1), self.critic(h).squeeze(1)


def rollout(env, policy):
    obs = env.reset()
    logps, values, rewards, masks = [], [], [], []
    for _ in range(STEPS):
        probs, value = policy(obs)
        dist = Categorical(probs)
        action = dist.sample()
        obs, r, alive = env.step(action)
        logps.append(dist.log_prob(action))
        values.append(value)
        rewards.append(r)
        masks.append(alive.float())
    returns, g = [], torch.zeros(env.n)
    for r in reversed(rewards):
        g = r + 0.95 * g
        returns.insert(0, g)
    return torch.stack(logps), torch.stack(values), torch.stack(returns), torch.stack(masks), sum(rewards)


agent = Policy()
optim = torch.optim.Adam(agent.parameters(), lr=0.01)
env = Corridor(BATCH, torch.Generator().manual_seed(1))

history = []
for episode in range(120):
    logps, values, returns, mask, score = rollout(env, agent)
    advantage = returns - values.detach()
    policy_loss = -(logps * advantage * mask).sum() / mask.sum()
    value_loss = ((returns - values) ** 2 * mask).sum() / mask.sum()
    loss = policy_loss + 0.5 * value_loss
    optim.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(agent.parameters(), 1.0)
    optim.step()
    history.append(score.mean().item())
    if episode % 30 == 29:
        print(f"episode {episode + 1} mean reward {sum(history[-30:]) / 30:.3f}")

with torch.no_grad():
    *_, score = rollout(Corridor(500, torch.Generator().manual_seed(2)), agent)
print("fresh episodes, mean reward", score.mean().item())
