"""Histories: lists of steps generated from a seed alone; stored as JSON, one step per line."""

import json
import random

STEPS = 22
USERS = 6
FAULTS = {
    "sqlite": ["full", "eio", "eio", "locked", "killed", "killed"],
    "postgres": ["away", "away", "locked", "killed", "killed"],
}
OTHERS = ["hanging", "down", "deaf"]
# Which calls fail, per thread: all, one, two in a row, every third.
WHEN = [None, "1", "1..2", "2+3", "3..4"]


class Maker:
    """Generates one history."""

    def __init__(self, seed, kind, faults=None, shops=5):
        self.rng = random.Random(seed)
        self.kind, self.shops = kind, shops
        self.faults = faults or FAULTS[kind]
        self.attempts, self.tokens, self.webhooks, self.imports = [], ["auditor"], 0, 0
        self.pairs = []

    def history(self, clock):
        steps = [self.connect() for _ in range(2)] + [["wait", *self.pairs[0]]]
        for _ in range(STEPS):
            steps.append(self.fault() if self.rng.random() < 0.35 else self.step(clock))
        return steps

    def pair(self):
        """A merchant and a store: mostly existing ones, so that stores are reconnected."""
        if self.pairs and self.rng.random() < 0.6:
            return self.rng.choice(self.pairs)
        pair = (f"user-{self.rng.randrange(USERS)}", self.rng.randrange(self.shops))
        self.pairs.append(pair)
        return pair

    def number(self):
        self.attempts.append(len(self.attempts) + 1)
        return self.attempts[-1]

    def connect(self):
        pair = self.pair()
        return ["connect", self.number(), *pair, self.rng.random() < 0.12]

    def step(self, clock=False):
        """A single step."""
        kinds = {
            "connect": 5, "begin": 3, "approve": 4, "back": 4, "again": 1, "forge": 1, "lend": 6, "disconnect": 1.5, "check": 1,
            "revoke_at_shop": 0.7, "import": 0.7, "token": 1.2, "revoke": 0.7, "webhook": 0.6, "feed": 1.5, "together": 3,
            "restart": 0.7, "wait": 1, "jump": 1.5 if clock else 0,
        }  # fmt: skip
        kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
        return self.of_kind(kind)

    def of_kind(self, kind):
        rng = self.rng
        if kind == "connect":
            return self.connect()
        if kind == "begin":
            return ["begin", self.number(), *self.pair()]
        if kind in ("approve", "back", "again", "forge") and not self.attempts:
            return self.connect()
        if kind == "approve":
            return ["approve", rng.choice(self.attempts[-4:]), rng.choice((1, 1, 2)), rng.random() < 0.15]
        if kind == "back":
            how = rng.choices((("own", 1), ("own", 0), ("elsewhere", 1)), (8, 1, 1))[0]
            return ["back", rng.choice(self.attempts[-4:]), *how]
        if kind in ("again", "forge"):
            return [kind, rng.choice(self.attempts[-6:])]
        if kind == "lend":
            return ["lend", *self.pair(), rng.choice(self.tokens), rng.choice((1, 3, 10))]
        if kind in ("disconnect", "check", "revoke_at_shop", "wait"):
            return [kind, *self.pair()]
        if kind == "together":
            inner = rng.choices(
                ("connect", "lend", "approve", "disconnect", "feed", "back"), (5, 6, 2, 1, 2, 2), k=rng.randint(3, 7)
            )
            return ["together", [self.of_kind(each) for each in inner]]
        return self.of_rare_kind(kind)

    def of_rare_kind(self, kind):
        rng = self.rng
        if kind == "import":
            self.imports += 1
            return [
                "import",
                [[f"imported-{self.imports}-{each}", rng.randrange(self.shops)] for each in range(rng.randint(1, 3))],
            ]
        if kind == "token":
            name = f"service-{len(self.tokens)}"
            self.tokens.append(name)
            users = sorted(rng.sample([f"user-{each}" for each in range(USERS)], 2)) if rng.random() < 0.6 else None
            return ["token", name, users]
        if kind == "revoke" and len(self.tokens) > 1:
            return ["revoke", rng.choice(self.tokens[1:])]
        if kind == "webhook" and self.webhooks < 3:
            self.webhooks += 1
            return ["webhook", f"hook-{self.webhooks}"]
        if kind == "jump":
            return ["jump", rng.choice((-3600, -60, 60, 300, 1200, 5400, 90_000))]
        return ["restart"] if kind == "restart" else ["feed"]

    def fault(self):
        """A fault during a few steps."""
        rng = self.rng
        kind = rng.choice(self.faults) if rng.random() < 0.85 else rng.choice(OTHERS)
        options = {}
        if kind == "eio":
            options["calls"] = rng.choice(("pwrite64", "fsync,fdatasync"))
            when = rng.choice(WHEN)
            options.update({"when": when} if when else {})
        if kind == "full":
            options["empty"] = rng.random() < 0.5
        if kind in ("locked", "away"):
            options["seconds"] = rng.choice((0.3, 1, 2))
        if kind == "killed":
            options.update(after=round(rng.uniform(0.005, 0.6), 3), how=rng.choice(("kill", "kill", "term")))
        if kind in ("hanging", "down"):
            options["shop"] = rng.randrange(self.shops)
        kinds = {"connect": 5, "begin": 1, "approve": 4, "back": 3, "lend": 6, "disconnect": 1, "feed": 1}
        if kind == "hanging":
            # A merchant at a hanging store waits for eight seconds; once is enough.
            kinds.update(connect=0.7, begin=0.3)
        inner = rng.choices(list(kinds), list(kinds.values()), k=rng.randint(2, 6))
        steps = [self.of_kind(each) for each in inner]
        return ["during", kind, options, [["together", steps]] if rng.random() < 0.4 else steps]


# Every fault of the disk: a full one, and calls that fail in each of the ways of `WHEN`.
OF_THE_DISK = [("full", {}), ("full", {"empty": True})] + [
    ("eio", {"calls": calls, **({"when": when} if when else {})}) for calls in ("pwrite64", "fsync,fdatasync") for when in WHEN
]


def of_the_disk(seed, number):
    """A history of one fault of the disk, again and again, while keys are lent and stores connect."""
    fault, options = OF_THE_DISK[number % len(OF_THE_DISK)]
    maker = Maker(f"{seed}/{number}/disk", "sqlite")
    pairs = [[f"user-{each}", each] for each in range(maker.shops)]
    steps = [["connect", maker.number(), *pair, False] for pair in pairs] + [["wait", *pair] for pair in pairs]

    def busy(times):
        lends = [["lend", *pair, "auditor", times] for pair in pairs[:3]]
        return [["together", [*lends, ["connect", maker.number(), *maker.rng.choice(pairs), False]]]]

    for _ in range(12):
        steps += [["during", fault, options, busy(20)], *busy(1)]
    return steps


def make(seed, number, kind, faults=None, clock=False):
    """The history with this seed and number."""
    maker = Maker(f"{seed}/{number}/{kind}", kind, faults)
    return maker.history(clock)


def write(history):
    return "".join(json.dumps(step) + "\n" for step in history)


def read(file):
    return [json.loads(line) for line in file if line.strip() and not line.startswith("#")]
