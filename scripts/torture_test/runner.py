"""Runs a history: performs each step against the real binary, records the outcome in the model, and runs the auditor after each
restart, after each fault, and at the end."""

import contextlib
import os
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from audit import audit
from databases import Postgres, Sqlite
from deeds import Deeds
from evidence import Records, Unreadable, collect
from faults import FAULTS, OF_OTHERS, missing, shape
from model import Complaint, Model
from service import FAKETIME, Browser, Service
from shop import Receiver, Shop

SHOPS = 5
# The service must be ready again within this many seconds after a fault.
READY_WITHIN = 5
# An approval must connect the store within this many seconds (a key is first tested after one), and the feed must report it.
WORKS_WITHIN, LAST = 12, 1_000_000
# Everything in progress must finish within this many seconds: a key is retried after 5 s. A process or database that goes away
# may leave a claim on a key for two minutes; without a clock to set, the test does not wait for it.
SETTLES_WITHIN, SETTLES_IN_PART_WITHIN, CLAIM = 25, 8, 130
AT_ONCE = 4


class Broken(Exception):
    """The history ends here because of complaints."""


class Runner(Deeds):
    """One installation, one history."""

    def __init__(self, binary, kind, cluster, seed):
        self.folder = tempfile.mkdtemp(prefix="cartkey-torture-")
        self.rng = random.Random(f"{seed}/run")
        self.database = Sqlite(self.folder) if kind == "sqlite" else Postgres(cluster)
        self.with_clock = bool(FAKETIME)
        self.service = Service(binary, self.folder, self.database.url, self.with_clock)
        self.shops = [Shop(index, self.rng) for index in range(SHOPS)]
        self.receiver = Receiver()
        self.model, self.complaints = Model(), []
        self.browsers = 0
        self.records = Records(self.service, self.new_browser)
        self.began, self.traced = time.monotonic(), bool(os.environ.get("TORTURE_TRACE"))
        self.fault, self.fault_shape, self.steps, self.passed_over = None, None, 0, set()
        self.left_claims = False
        self.secret = None

    def close(self):
        RUNNING.discard(self)
        self.service.close()
        for shop in self.shops:
            shop.close()
        self.receiver.close()
        self.database.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_browser(self):
        self.browsers += 1
        return Browser(self.service, self.browsers)

    def say(self, what):
        if self.traced:
            print(f"{time.monotonic() - self.began:8.2f} {what}", file=sys.stderr)

    def complain(self, rule, text):
        self.complaints.append(Complaint(rule, text))

    def start(self):
        if not self.service.start():
            self.complain("does_not_start", f"it was not ready in time after starting: {self.service.last_words()}")
            raise Broken

    def run(self, history):
        """Runs all steps; returns the complaints."""
        try:
            self.start()
            self.prepare()
            for step in history:
                self.step(step)
            self.finish()
        except Broken:
            pass
        except Unreadable as error:
            self.complain("unreadable", str(error))
        return self.complaints

    def prepare(self):
        """Creates a token with all permissions, and an operator."""
        if not self.issue("auditor", "keys:read,stores:read,stores:write,links:write,events:read"):
            self.complain("does_not_start", "no token can be issued")
            raise Broken
        self.secret = self.model.tokens["auditor"]["secret"]
        self.records.prepare()

    def step(self, step):
        self.steps += 1
        name, *arguments = step
        self.say(step)
        if name == "during":
            self.during(*arguments)
        elif name == "together":
            self.together(arguments[0])
        else:
            getattr(self, "do_" + name)(*arguments)

    def together(self, steps):
        """Runs steps concurrently, a few at a time."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(self.step, step) for step in steps]:
                done.result()

    def during(self, kind, options, steps):
        """Runs steps during a fault. Afterwards the service must recover by itself, with nothing lost."""
        why = missing(kind, self.database)
        if why:
            self.passed_over.add(f"{kind} ({why})")
            for step in steps:
                self.step(step)
            return
        if kind in ("hanging", "down"):
            self.model.troubled_shops.add(options["shop"] % SHOPS)
        if kind not in OF_OTHERS:
            self.fault, self.fault_shape, self.left_claims = kind, shape(kind, options), True
        self.say(f"{kind} {options}")
        with FAULTS[kind](self, options):
            for step in steps:
                self.step(step)
        over = time.monotonic()
        if kind not in OF_OTHERS:
            self.wait_until_well(kind, over)
            self.fault = None
            self.look(settled=False)

    def wait_until_well(self, kind, over):
        """Waits until `/readyz` returns 200 and a write succeeds."""
        said = []
        while True:
            ready = self.service.ask("GET", "/readyz", timeout=5)
            written = self.do_link("well", within=5)
            if ready.status == 200 and written.outcome == "yes":
                return
            said = [ready.status, written.outcome]
            if time.monotonic() > over + READY_WITHIN:
                break
            time.sleep(0.05)
        self.complain(
            "not_ready", f"{READY_WITHIN} s after {kind} was over, /readyz is {said[0]} and writing is {said[1]}"
        )
        # Acknowledged data may be lost as well, which is more serious and shows after a restart.
        self.restart()
        self.look(settled=False)

    def restart(self):
        self.service.end()
        self.start()

    def finish(self):
        """The end of a history: checks that the service still works without a restart, and what remains after a kill -9 once
        everything had time to finish."""
        for shop in self.shops:
            shop.awake.set()
        if self.left_claims:
            self.check_workers()
        self.look(settled=False)
        claims = self.left_claims and not self.with_clock
        if self.with_clock:
            self.jump(CLAIM)
        self.restart()
        self.settle(SETTLES_IN_PART_WITHIN if claims else SETTLES_WITHIN)
        self.look(settled=self.is_settled())

    def check_workers(self):
        """After all faults: a merchant can connect, a waiting feed reader gets the event, and webhooks are delivered."""
        newest = self.service.api("GET", "/api/v1/events?after=latest", self.secret).json().get("next")
        with ThreadPoolExecutor(1) as pool:
            path = f"/api/v1/events?wait={WORKS_WITHIN}&after={newest}"
            news = pool.submit(self.service.api, "GET", path, self.secret)
            self.do_connect(LAST, "last", 0)
            self.do_wait("last", 0, WORKS_WITHIN)
            store = self.store_of("last", 0)
            if not news.result().json().get("data"):
                self.complain("stopped", "a request that waits for events no longer gets any")
        if not store:
            self.complain(
                "stopped",
                f"a merchant who approved is not connected within {WORKS_WITHIN} s: keys are no longer proven",
            )
            return
        hooks = [hook["path"] for hook in self.model.webhooks.values()]
        end = time.monotonic() + WORKS_WITHIN
        while not all(self.receiver.was_told(path, store["id"]) for path in hooks):
            if time.monotonic() > end:
                self.complain("stopped", f"a webhook is not sent a new event within {WORKS_WITHIN} s")
                return
            time.sleep(0.05)

    def look(self, settled):
        """Runs the auditor; complaints end the history."""
        evidence = self.collect(settled)
        if evidence is None:
            # What cannot be read now may also be lost; that shows after a restart.
            self.restart()
            evidence = self.collect(settled=False)
        if evidence:
            self.complaints = audit(self.model, evidence) + self.complaints
        if self.complaints:
            raise Broken

    def collect(self, settled):
        self.say(f"the auditor looks (settled: {settled})")
        for pause in (0.5, 2, 0):
            try:
                return collect(self, settled)
            except Unreadable as error:
                # A brief failure right after a fault is acceptable.
                said = str(error)
                time.sleep(pause)
        self.complain("unreadable", said)
        return None

    def settle(self, seconds):
        """Waits until all approved keys are proven, for as long as that may take."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.is_settled():
            time.sleep(0.1)

    def is_settled(self):
        """Whether no key is being proven any more."""
        for attempt in self.model.attempts.values():
            if attempt.id and attempt.link_id and attempt.bodies:
                seen = self.service.api("GET", f"/api/v1/links/{attempt.link_id}", self.secret).json().get("attempt")
                if seen and seen["status"] in ("received", "proving"):
                    return False
        return True


# What to clean up when the program is interrupted.
RUNNING = set()


@contextlib.contextmanager
def runner(*arguments):
    one = Runner(*arguments)
    RUNNING.add(one)
    try:
        yield one
    finally:
        one.close()


def close_all():
    for one in list(RUNNING):
        one.close()


def keep_log(one, path):
    """Copies the service's log to a place that outlives the run."""
    with contextlib.suppress(OSError):
        shutil.copy(os.path.join(one.folder, "log"), path)
