"""Tests the auditor against services that lie: it must accept an honest history, and detect each lie by the right rule. Also
tests that histories depend on their seed alone, and that shrinking finds the relevant steps."""

import copy
import json
import sys

import history
from audit import audit
from model import Attempt, Evidence, Model
from shrink import pieces, shrink

HOME, OTHER_HOME = "http://127.0.0.2:1", "http://127.0.0.3:1"


def event(number, type, **data):
    return {"id": f"ev_{number:016d}", "type": type, "timestamp": "2026-11-22T00:00:00.000Z", "data": data}


def truth():
    """One merchant connects, has the key fetched, and is disconnected; a second stays connected; a third's approval fails.
    Returned with the evidence of an honest service."""
    model, evidence = Model(), Evidence(settled=True)

    def note(kind, outcome="yes", at=0.0, **about):
        deed = model.note(kind, outcome, at, mark=0, **about)
        deed.ended = at + 0.5

    for number, (user, home) in enumerate((("ann", HOME), ("bob", OTHER_HOME), ("cat", HOME)), 1):
        model.attempts[number] = Attempt(number, user, number - 1, f"ln_{number}", f"at_{number}", bodies=[{}])
        note("link", at=number, user=user, link_id=f"ln_{number}")
        pair = {"key": f"ck_000000{number}", "secret": f"cs_{number}"}
        note(
            "grant",
            "yes" if number < 3 else "unknown",
            10 + number,
            attempt=number,
            user=user,
            home=home,
            missed=number == 3,
            **pair,
        )
    for number in (1, 2):
        note("return", at=20, attempt=number, where="own")
    model.tokens = {
        "all": {"secret": "a", "users": None},
        "anns": {"secret": "b", "users": ["ann"]},
        "gone": {"secret": "c", "users": None},
    }
    for name in model.tokens:
        note("token", at=1, name=name)
    key = {"user": "ann", "home": HOME, "key": "ck_0000001", "secret": "cs_1", "version": 1, "store": "st_1"}
    for number, token in enumerate(model.tokens, 1):
        note("lend", at=30 + number, token=token, request=f"rq_{number}", **key)
        evidence.records.append((f"rq_{number}", "st_1", f"tk_{token}", 1))
        evidence.tokens[token] = (f"tk_{token}", token != "gone")
    note("revoke", at=40, name="gone")
    note("disconnect", at=50, store="st_1")
    note("webhook", at=1, name="hook", webhook_id="wh_1")
    evidence.feed = [
        event(number, "token.issued", token_id=f"tk_{name}") for number, name in enumerate(model.tokens, 1)
    ]
    evidence.feed.append(event(4, "webhook.created", webhook_id="wh_1"))
    for at, user in ((1, "ann"), (2, "bob"), (3, "cat")):
        evidence.feed.append(event(len(evidence.feed) + 1, "link.created", user_id=user, link_id=f"ln_{at}"))
    for at, user in ((1, "ann"), (2, "bob")):
        about = {"user_id": user, "attempt_id": f"at_{at}"}
        evidence.feed.append(event(len(evidence.feed) + 1, "attempt.received", **about))
        evidence.feed.append(event(len(evidence.feed) + 1, "store.connected", store_id=f"st_{at}", **about))
    evidence.feed.append(event(12, "token.revoked", token_id="tk_gone"))
    evidence.feed.append(event(13, "store.disconnected", user_id="ann", store_id="st_1"))
    evidence.feed_before = copy.deepcopy(evidence.feed[:8])
    store = {"key_version": 1, "status": "connected"}
    evidence.stores = [
        {**store, "id": "st_1", "user_id": "ann", "url": HOME, "status": "disconnected", "key_last7": "0000001"},
        {**store, "id": "st_2", "user_id": "bob", "url": OTHER_HOME, "key_last7": "0000002"},
    ]
    evidence.keys = {"st_1": (409, {}), "st_2": (200, {"consumer_key": "ck_0000002", "key_version": 1})}
    evidence.attempts = {number: {"status": "connected", "reason": None} for number in (1, 2)}
    evidence.attempts[3] = {"status": "open", "reason": None}
    evidence.limited = {"anns": [each["id"] for each in evidence.feed if each["data"].get("user_id") == "ann"]}
    evidence.deliveries = {"hook": (event(4, "")["id"], {each["id"]: [each] for each in evidence.feed[4:]})}
    return model, evidence


def lend(model, at, **about):
    """Ann's key is lent again."""
    first = model.of("lend")[0].about
    return model.note("lend", "yes", at, **{**first, "request": f"rq_{at}", **about})


def drop(evidence, type):
    """An event is lost, and the feed is renumbered as if it had never happened."""
    evidence.feed = [each for each in evidence.feed if each["type"] != type]
    for number, each in enumerate(evidence.feed, 1):
        each["id"] = f"ev_{number:016d}"


def set_attempt(number, status, reason=None):
    return lambda model, evidence: evidence.attempts.update({number: {"status": status, "reason": reason}})


def late_disconnect(model, evidence):
    """Disconnected, reconnected, then a second DELETE that was lost."""
    evidence.feed += [event(14, "store.reconnected", user_id="ann", store_id="st_1")]
    model.note("disconnect", "yes", 60, mark=14, store="st_1")


def recorded(model, evidence, deed, token="tk_all"):
    evidence.records.append((deed.request, deed.store, token, deed.version))


LIES = {
    "an acknowledged approval is gone": ("lost", set_attempt(1, "open")),
    "an acknowledged approval has failed for no reason": ("lost", set_attempt(1, "failed", "key_rejected")),
    "an approval that came back never connects": ("lost", set_attempt(1, "awaiting_confirmation")),
    "the whole attempt is gone": ("lost", lambda model, evidence: evidence.attempts.update({1: None})),
    "a connected store's key cannot be had": ("lost", lambda model, evidence: evidence.keys.update(st_2=(404, {}))),
    "a store is in the feed alone": ("lost", lambda model, evidence: evidence.stores.pop()),
    "a token is forgotten": ("lost", lambda model, evidence: evidence.tokens.update(all=("tk_all", False))),
    "an import is forgotten": (
        "lost",
        lambda model, evidence: model.note("import", "yes", 1, user="eve", home=HOME, key="", secret=""),
    ),
    "an attempt connects that nobody approved": (
        "invented",
        lambda model, evidence: (
            model.of("grant")[2].__dict__.update(outcome="no"),
            set_attempt(3, "proving")(model, evidence),
        ),
    ),
    "a store is given up by nobody": (
        "invented",
        lambda model, evidence: evidence.feed.append(event(14, "store.disconnected", store_id="st_2")),
    ),
    "reads are on record that nobody asked for": (
        "invented",
        lambda model, evidence: evidence.records.append(("rq_9", "st_2", "tk_all", 1)),
    ),
    "a lent key is not on record": ("unrecorded", lambda model, evidence: evidence.records.pop()),
    "a lent key is on another token's record": (
        "unrecorded",
        lambda model, evidence: evidence.records.__setitem__(0, ("rq_1", "st_1", "tk_anns", 1)),
    ),
    "a lent key is on record twice": (
        "recorded_twice",
        lambda model, evidence: evidence.records.append(evidence.records[0]),
    ),
    "a revoked token is lent a key": (
        "lent_after_revocation",
        lambda model, evidence: recorded(model, evidence, lend(model, 45, token="gone"), "tk_gone"),
    ),
    "a revoked token is let in": (
        "not_deleted",
        lambda model, evidence: evidence.tokens.update(gone=("tk_gone", True)),
    ),
    "a limited token is lent another's key": (
        "lent_to_other",
        lambda model, evidence: recorded(model, evidence, lend(model, 45, token="anns", user="bob"), "tk_anns"),
    ),
    "a key is lent that was never given": (
        "wrong_key",
        lambda model, evidence: recorded(model, evidence, lend(model, 45, key="ck_0000009")),
    ),
    "another merchant's key is lent": (
        "wrong_key",
        lambda model, evidence: recorded(model, evidence, lend(model, 45, user="bob")),
    ),
    "one version is two keys": (
        "two_active",
        lambda model, evidence: recorded(model, evidence, lend(model, 45, key="ck_0000002")),
    ),
    "a merchant has a store twice": (
        "two_active",
        lambda model, evidence: evidence.stores.append(dict(evidence.stores[1], id="st_3")),
    ),
    "the store shows another key than is lent": (
        "two_active",
        lambda model, evidence: evidence.keys["st_2"][1].update(key_version=2),
    ),
    "a disconnected store is lent": (
        "not_deleted",
        lambda model, evidence: evidence.keys.update(st_1=(200, {"consumer_key": "ck_0000001", "key_version": 1})),
    ),
    "a key is lent after its store was given up": (
        "not_deleted",
        lambda model, evidence: recorded(model, evidence, lend(model, 55)),
    ),
    "a DELETE is forgotten": ("not_deleted", lambda model, evidence: drop(evidence, "store.disconnected")),
    "a second DELETE is forgotten": ("not_deleted", late_disconnect),
    "a store stands otherwise than the feed tells": (
        "state_differs",
        lambda model, evidence: evidence.stores[1].update(status="unauthorized"),
    ),
    "the feed has a gap": ("feed_gap", lambda model, evidence: evidence.feed.pop(6)),
    "the feed is out of order": ("feed_gap", lambda model, evidence: evidence.feed.insert(3, evidence.feed.pop(9))),
    "an event was changed": ("feed_changed", lambda model, evidence: evidence.feed[5]["data"].update(user_id="eve")),
    "the feed is shorter than it was": (
        "feed_changed",
        lambda model, evidence: evidence.feed.__delitem__(slice(6, None)),
    ),
    "a link's event is missing": ("feed_differs", lambda model, evidence: drop(evidence, "link.created")),
    "an approval's event is missing": ("feed_differs", lambda model, evidence: drop(evidence, "attempt.received")),
    "a revocation's event is missing": ("feed_differs", lambda model, evidence: drop(evidence, "token.revoked")),
    "a webhook's event is missing": ("feed_differs", lambda model, evidence: drop(evidence, "webhook.created")),
    "an attempt ends twice": (
        "feed_differs",
        lambda model, evidence: evidence.feed.append(event(14, "attempt.failed", attempt_id="at_1")),
    ),
    "a limited token misses an event": ("feed_limited", lambda model, evidence: evidence.limited["anns"].pop()),
    "a limited token is told twice": (
        "feed_limited",
        lambda model, evidence: evidence.limited["anns"].append(evidence.limited["anns"][-1]),
    ),
    "a webhook is not sent an event": (
        "webhook_missing",
        lambda model, evidence: evidence.deliveries["hook"][1].popitem(),
    ),
    "a webhook is sent what did not happen": (
        "webhook_differs",
        lambda model, evidence: evidence.deliveries["hook"][1].update(ev_9=[{}]),
    ),
    "a calm request fails": (
        "unwell",
        lambda model, evidence: model.note("link", "unknown", 1, user="ann", link_id=None),
    ),
}


def audited(lie=None):
    model, evidence = truth()
    evidence.feed = json.loads(json.dumps(evidence.feed))
    if lie:
        lie(model, evidence)
    return audit(model, evidence)


def shrinks():
    """Shrinking a long history leaves the two relevant steps within a fault."""
    steps = history.make("self-test", 0, "sqlite")
    steps[7:7] = [["during", "eio", {}, [["feed"], ["together", [["lend", "x", 0], ["feed"]]], ["approve", 99]]]]

    def fails(shorter):
        text = history.write(shorter)
        return '["lend", "x", 0]' in text and '["approve", 99]' in text and '"eio"' in text

    shortest, _ = shrink(steps, fails, 20)
    return len(list(pieces(shortest))) == 3 and fails(shortest)


def main():
    faults = [f"it complains about an honest service: {complaint}" for complaint in audited()]
    for name, (rule, lie) in LIES.items():
        found = {complaint.rule for complaint in audited(lie)}
        if rule not in found:
            faults.append(f"{name}: expected {rule}, and it says {sorted(found) or 'nothing'}")
    again = [history.make("1", 4, kind, clock=True) for kind in ("sqlite", "sqlite", "postgres")]
    if again[0] != again[1] or again[0] == again[2]:
        faults.append("a history does not come from its seed alone")
    if history.read(history.write(again[0]).splitlines()) != again[0]:
        faults.append("a history does not read back as it was written")
    if not shrinks():
        faults.append("shrinking does not find the steps that matter")
    for fault in faults:
        print(f"torture --self-test: {fault}")
    if not faults:
        print(f"torture --self-test: {len(LIES)} lies, all detected")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
