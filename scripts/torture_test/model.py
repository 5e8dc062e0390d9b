"""The auditor's small model: everything that was asked of the service, and what the asker knows of how it came out. Nothing in
here asks the service anything.

An outcome is `yes` (answered as done), `no` (refused), or `unknown` (a 5xx, or no whole answer): then either is fine."""

import collections
import threading
import time
from dataclasses import dataclass, field


@dataclass
class Deed:
    """One request. `mark` is how much of the feed had been read before; `calm` means that no fault was active."""

    kind: str
    outcome: str
    began: float
    ended: float
    mark: int = 0
    calm: bool = True
    about: dict = field(default_factory=dict)

    def __getattr__(self, name):
        try:
            return self.__dict__["about"][name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass
class Attempt:
    """One attempt of a merchant to connect a store: what its browser and its store know."""

    number: int
    user: str
    shop: int
    link_id: str = None
    id: str = None
    browser: object = None
    callback: str = None
    state: str = None
    return_url: str = None
    scope: str = None
    bodies: list = field(default_factory=list)


class Model:
    """Deeds in the order of completion, attempts by number, tokens by name."""

    def __init__(self):
        self.lock = threading.Lock()
        self.deeds = []
        self.attempts = {}
        self.tokens = {}
        self.webhooks = {}
        self.feed = []
        self.revoked_at_shop = set()
        self.troubled_shops = set()
        self.clock_jumped = 0
        # By fault of the disk: how many requests it made fail.
        self.refused = collections.Counter()

    def note(self, kind, outcome, began, calm=True, mark=None, **about):
        mark = len(self.feed) if mark is None else mark
        deed = Deed(kind, outcome, began, time.monotonic(), mark, calm, about)
        with self.lock:
            self.deeds.append(deed)
        return deed

    def refuse(self, shape):
        """A request failed while the disk did, in this way."""
        with self.lock:
            self.refused[shape] += 1

    def of(self, *kinds):
        with self.lock:
            return [deed for deed in self.deeds if deed.kind in kinds]

    def acknowledged(self):
        """How many acknowledged deeds must not be lost."""
        kinds = ("link", "grant", "return", "deny", "lend", "disconnect", "token", "revoke", "import", "webhook")
        return sum(deed.outcome == "yes" for deed in self.of(*kinds))


@dataclass
class Evidence:
    """What the service reports at one moment, while nothing changes."""

    feed: list = field(default_factory=list)
    feed_before: list = field(default_factory=list)
    stores: list = field(default_factory=list)
    # By attempt number: the attempt as its link reports it.
    attempts: dict = field(default_factory=dict)
    # By store ID: status and body of the response with its keys.
    keys: dict = field(default_factory=dict)
    # Each record of a lent key: (request, store, token, version).
    records: list = field(default_factory=list)
    # By name: (id, whether it is accepted).
    tokens: dict = field(default_factory=dict)
    # By token name: the event IDs that it sees in the feed.
    limited: dict = field(default_factory=dict)
    # By webhook name: deliveries as {event id: [bodies]}, and the IDs that wait for a retry.
    deliveries: dict = field(default_factory=dict)
    waiting: dict = field(default_factory=dict)
    # Whether everything in progress had time to finish.
    settled: bool = False


@dataclass(frozen=True)
class Complaint:
    """A violation: the broken rule, and one sentence."""

    rule: str
    text: str

    def __str__(self):
        return f"{self.rule}: {self.text}"
