"""Collects the auditor's evidence from the service: feed, stores, attempts, keys, the record of lent keys, webhooks."""

import json
import re
import time

from model import Evidence

ATTEMPTS_TO_SEE_IT_STILL = 40
# Events caused by the auditor's own requests.
OWN_EVENTS = {"activity.exported", "operator.signed_in"}
OPERATOR, PASSWORD = "torture", "correct horse battery staple 47"


class Unreadable(Exception):
    """The service's state cannot be read although no fault is active."""


def good(answer, what):
    if answer.status != 200:
        raise Unreadable(f"{what} is answered {answer.status}: {answer.text[:200]}")
    return answer.json()


def read_feed(service, secret, after=None, limit=200):
    """All events after this one."""
    events = []
    while True:
        path = f"/api/v1/events?limit={limit}" + (f"&after={after}" if after else "")
        part = good(service.api("GET", path, secret), "the feed")
        events += part["data"]
        if part["next"] == after or not part["data"] and part["next"] >= (after or ""):
            return events
        after = part["next"]


def read_stores(service, secret):
    stores, cursor = [], None
    while True:
        path = "/api/v1/stores?limit=200" + (f"&cursor={cursor}" if cursor else "")
        part = good(service.api("GET", path, secret), "the list of stores")
        stores += part["data"]
        cursor = part["next_cursor"]
        if not cursor:
            return stores


class Records:
    """The record of lent keys, as exported from the dashboard."""

    def __init__(self, service, new_browser):
        self.service, self.new_browser, self.browser = service, new_browser, None

    def prepare(self):
        self.service.command("operator", "add", OPERATOR, "--password-stdin", given=PASSWORD + "\n")

    def sign_in(self):
        self.browser = self.new_browser()
        answer = self.browser.go("POST", "/admin/sign-in", {"name": OPERATOR, "password": PASSWORD, "next": "/admin"})
        if answer.status != 200:
            raise Unreadable(f"signing in to the dashboard is answered {answer.status}")

    def read(self):
        """Each record: request ID, store, token, key version. This is the only place that knows how lent keys are recorded: as
        a line of the activity export with a key version, identified by the request that fetched the key."""
        for _ in range(2):
            if self.browser is None:
                self.sign_in()
            answer = self.browser.go("GET", "/admin/activity.ndjson?kind=keys")
            if answer.status == 200 and "ndjson" in answer.headers["Content-Type"]:
                break
            # The session may have expired, for example because the clock was set.
            self.browser = None
        else:
            raise Unreadable(f"the export of the activity is answered {answer.status}")
        lines = [json.loads(line) for line in answer.text.splitlines() if line]
        return [
            (line["request_id"], line["store_id"], line["who"], line["key_version"])
            for line in lines
            if line["key_version"]
        ]


def collect(runner, settled):
    """Evidence from a moment when nothing happens except these requests."""
    model, service, secret = runner.model, runner.service, runner.secret
    evidence = Evidence(feed_before=list(model.feed), settled=settled)
    for _ in range(ATTEMPTS_TO_SEE_IT_STILL):
        feed = read_feed(service, secret)
        evidence.stores = read_stores(service, secret)
        evidence.keys = {store["id"]: runner.lend_for_audit(store) for store in evidence.stores}
        read_attempts(runner, evidence)
        read_token_states(runner, evidence)
        evidence.records = runner.records.read()
        evidence.feed = model.feed = read_feed(service, secret)
        if all(event["type"] in OWN_EVENTS for event in evidence.feed[len(feed) :]):
            break
        time.sleep(0.05)
    else:
        raise Unreadable("the feed does not come to rest")
    for name, token in model.tokens.items():
        if token["users"] and evidence.tokens.get(name, (None, False))[1]:
            limit = 1 + len(name) % 7
            seen = read_feed(service, token["secret"], limit=limit)
            # Later events belong to the next audit.
            evidence.limited[name] = [event["id"] for event in seen if event["id"] <= evidence.feed[-1]["id"]]
    if settled:
        wait_for_webhooks(runner, evidence)
    read_deliveries(runner, evidence)
    return evidence


def read_token_states(runner, evidence):
    for name, token in runner.model.tokens.items():
        let_in = runner.service.api("GET", "/api/v1/stores?limit=1", token["secret"])
        if let_in.outcome == "unknown":
            raise Unreadable(f"a list of stores is answered {let_in.status}")
        evidence.tokens[name] = (token["id"], let_in.status == 200)


def read_attempts(runner, evidence):
    for number, attempt in runner.model.attempts.items():
        if attempt.link_id and attempt.id:
            answer = runner.service.api("GET", f"/api/v1/links/{attempt.link_id}", runner.secret)
            if answer.status == 404:
                evidence.attempts[number] = None
                continue
            seen = good(answer, "a link")["attempt"]
            evidence.attempts[number] = seen if seen and seen["id"] == attempt.id else None


def read_deliveries(runner, evidence):
    for name, webhook in runner.model.webhooks.items():
        came = {}
        with runner.receiver.lock:
            posts = list(runner.receiver.came.get(webhook["path"], ()))
        for headers, body in posts:
            id = next((value for name, value in headers.items() if name.lower() == "webhook-id"), "")
            if id <= evidence.feed[-1]["id"]:
                came.setdefault(id, []).append(json.loads(body))
        made = [
            event["id"]
            for event in evidence.feed
            if event["data"].get("webhook_id") == webhook["id"] and event["type"] == "webhook.created"
        ]
        for first in made[:1]:
            evidence.deliveries[name] = (first, came)


def wait_for_webhooks(runner, evidence, seconds=8):
    """Failed deliveries are retried later than this test waits; the delivery log then shows them as waiting."""
    end = time.monotonic() + seconds
    while runner.model.webhooks:
        read_deliveries(runner, evidence)
        ids = {event["id"] for event in evidence.feed}
        late = [
            name
            for name, (first, came) in evidence.deliveries.items()
            if any(id > first and id not in came for id in ids)
        ]
        if not late:
            return
        if time.monotonic() > end:
            break
        time.sleep(0.1)
    for name in runner.model.webhooks:
        code, text, _ = runner.service.command(
            "webhook", "log", runner.model.webhooks[name]["id"] or "", "--state", "waiting", "--limit", "1000"
        )
        if code == 0:
            evidence.waiting[name] = set(re.findall(r"ev_\d+", text))
