"""The auditor: compares what the service reports with what it has acknowledged. A pure function of model and evidence."""

import json
from collections import Counter, defaultdict

from model import Complaint

ENDS = {"attempt.denied", "attempt.failed", "attempt.expired", "attempt.rejected"}
CONNECTS = {"store.connected", "store.reconnected"}
STATUS = {
    "store.connected": "connected",
    "store.reconnected": "connected",
    "store.recovered": "connected",
    "store.unauthorized": "unauthorized",
    "store.unreachable": "unreachable",
    "store.disconnected": "disconnected",
}
# A clock jump of this size may have ended an attempt or a link early.
ATTEMPT_LIVES = 30 * 60


class Store:
    """One store according to the feed: status and key version after each of its events."""

    def __init__(self):
        self.status, self.version, self.steps = None, 0, []

    def add(self, number, kind):
        if kind in STATUS:
            self.version += kind in CONNECTS
            self.status = STATUS[kind]
            self.steps.append((number, self.status, self.version))

    def since(self, mark):
        """Its states since the event with this number, including the state at that time."""
        before = [step for step in self.steps if step[0] <= mark]
        return before[-1:] + [step for step in self.steps if step[0] > mark]


def number_of(event):
    return int(event["id"].rpartition("_")[2])


def fold(feed):
    stores = defaultdict(Store)
    for event in feed:
        store = event["data"].get("store_id")
        if store:
            stores[store].add(number_of(event), event["type"])
    return stores


def outcomes(deeds, key):
    """Counts certain and possible successes, grouped by `key`."""
    certain, possible = Counter(), Counter()
    for deed in deeds:
        certain[key(deed)] += deed.outcome == "yes"
        possible[key(deed)] += deed.outcome != "no"
    return certain, possible


def audit(model, evidence):
    """All complaints, the most serious first."""
    stores = fold(evidence.feed)
    rules = [
        grants_are_kept,
        lending_is_recorded,
        revoked_is_revoked,
        disconnected_stays_so,
        stores_agree,
        keys_are_right,
    ]
    rules += [feed_is_whole, deeds_are_in_the_feed, limits_hold, webhooks_are_told, nothing_failed_in_calm]
    return [complaint for rule in rules for complaint in rule(model, evidence, stores)]


def feed_is_whole(_model, evidence, _stores):
    numbers = [number_of(event) for event in evidence.feed]
    if numbers != list(range(1, len(numbers) + 1)):
        wrong = next((at, n) for at, n in enumerate(numbers, 1) if at != n)
        yield Complaint("feed_gap", f"found event {wrong[1]} where {wrong[0]} was expected")
    for before, now in zip(evidence.feed_before, evidence.feed):
        if before != now:
            yield Complaint("feed_changed", f"event {before['id']} was {json.dumps(before)} and is {json.dumps(now)}")
            return
    if len(evidence.feed) < len(evidence.feed_before):
        yield Complaint("feed_changed", f"it had {len(evidence.feed_before)} events and has {len(evidence.feed)}")


def grants_are_kept(model, evidence, _stores):
    """A callback that was answered 200 is present, or its attempt ended for a known reason."""
    grants, returns = defaultdict(list), defaultdict(list)
    for deed in model.of("grant"):
        grants[deed.attempt].append(deed)
    for deed in model.of("return"):
        returns[deed.attempt].append(deed)
    gone = model.revoked_at_shop
    denied = {deed.attempt for deed in model.of("deny") if deed.outcome != "no"}
    for number, attempt in model.attempts.items():
        seen = evidence.attempts.get(number)
        if attempt.id is None or number not in evidence.attempts:
            continue
        what = f"attempt {number} of {attempt.user}"
        if seen is None:
            yield Complaint("lost", f"{what} is gone")
            continue
        status, reason = seen["status"], seen["reason"]
        acknowledged = [deed for deed in grants[number] if deed.outcome == "yes"]
        alive = [deed for deed in acknowledged if deed.key not in gone]
        possible = [deed for deed in grants[number] if deed.outcome != "no"]
        if acknowledged and status in ("open", "expired", "denied") and not (number in denied and not alive):
            yield Complaint("lost", f"{what}: its callback was answered 200, and it is {status}")
        if status in ("received", "proving", "awaiting_confirmation", "connected") and not possible:
            yield Complaint("invented", f"{what} is {status}, and no callback of it was answered 200")
        known = model.clock_jumped >= ATTEMPT_LIVES or attempt.shop in model.troubled_shops
        if alive and status == "failed" and not known:
            yield Complaint(
                "lost", f"{what}: its callback was answered 200, the key works, and it is failed ({reason})"
            )
        certain = [deed for deed in returns[number] if deed.outcome == "yes" and deed.where == "own"]
        first = min((deed.ended for deed in alive), default=None)
        meant = first is not None and any(deed.began > first for deed in certain)
        elsewhere = any(deed.where == "elsewhere" for deed in returns[number])
        if evidence.settled and meant and not elsewhere and not known and status != "connected":
            yield Complaint("lost", f"{what} was approved and came back, its key works, and it is {status} ({reason})")


def deeds_are_in_the_feed(model, evidence, _stores):
    """Everything acknowledged has exactly one event, and there are no events that nobody caused."""
    yield from counted(evidence, "link.created", "link_id", model.of("link"), lambda deed: deed.link_id)
    users_certain, users_possible = outcomes(model.of("link"), lambda deed: deed.user)
    users = Counter(event["data"].get("user_id") for event in evidence.feed if event["type"] == "link.created")
    for user in set(users) | set(users_certain):
        if not users_certain[user] <= users[user] <= users_possible[user]:
            said = f"{users_certain[user]} to {users_possible[user]} links were made for {user}, the feed has {users[user]}"
            yield Complaint("feed_differs", said)
    ids = {attempt.id: number for number, attempt in model.attempts.items() if attempt.id}
    ends, received, connected = Counter(), Counter(), Counter()
    for event in evidence.feed:
        about = event["data"].get("attempt_id")
        ends[about] += event["type"] in ENDS or event["type"] in CONNECTS
        received[about] += event["type"] == "attempt.received"
        connected[about] += event["type"] in CONNECTS
    certain, possible = outcomes(model.of("grant"), lambda deed: deed.attempt)
    returned = outcomes(model.of("return"), lambda deed: deed.attempt)[1]
    for about, number in ids.items():
        if not min(certain[number], 1) <= received[about] <= min(possible[number], 1):
            said = (
                f"attempt {number}: {certain[number]} callbacks answered 200, the feed has {received[about]} received"
            )
            yield Complaint("feed_differs", said)
        if ends[about] > 1:
            yield Complaint("feed_differs", f"attempt {number} ended {ends[about]} times")
        if connected[about] and not returned[number]:
            yield Complaint("invented", f"attempt {number} connected, and its browser never came back")
    by_token = {name: id for name, (id, _) in evidence.tokens.items()}
    for kind, event_type in (("token", "token.issued"), ("revoke", "token.revoked")):
        deeds = [deed for deed in model.of(kind) if by_token.get(deed.name)]
        yield from counted(evidence, event_type, "token_id", deeds, lambda deed: by_token[deed.name])
    yield from counted(evidence, "webhook.created", "webhook_id", model.of("webhook"), lambda deed: deed.webhook_id)
    asked = {deed.store for deed in model.of("disconnect") if deed.outcome != "no"}
    for event in evidence.feed:
        if event["type"] == "store.disconnected" and event["data"]["store_id"] not in asked:
            yield Complaint("invented", f"{event['id']} is store.disconnected, which nobody requested")
    homes = {(store["user_id"], store["url"]) for store in evidence.stores}
    for deed in model.of("import"):
        if deed.outcome == "yes" and (deed.user, deed.home) not in homes:
            yield Complaint("lost", f"{deed.user} was imported at {deed.home}, and is not there")


def counted(evidence, event_type, member, deeds, key):
    """There are as many events as successful deeds, one for each. Deeds without a key are ignored."""
    found = Counter(event["data"].get(member) for event in evidence.feed if event["type"] == event_type)
    certain, possible = outcomes([deed for deed in deeds if key(deed)], key)
    for thing, count in possible.items():
        if not min(certain[thing], 1) <= found[thing] <= min(count, 1):
            said = f"{thing}: {event_type} was acknowledged {certain[thing]} times, the feed has {found[thing]}"
            yield Complaint("feed_differs", said)


def stores_agree(_model, evidence, stores):
    """Each merchant has one store per address; each has the state that the feed reports."""
    homes = Counter((store["user_id"], store["url"]) for store in evidence.stores)
    for (user, home), count in homes.items():
        if count > 1:
            yield Complaint("two_active", f"{user} has {count} stores at {home}")
    listed = {store["id"]: store for store in evidence.stores}
    for id, told in stores.items():
        store = listed.get(id)
        if store is None:
            yield Complaint("lost", f"store {id} is in the feed, and not in the list")
        elif (store["status"], store["key_version"]) != (told.status, told.version):
            said = f"store {id} is {store['status']} with key {store['key_version']}"
            yield Complaint("state_differs", f"{said}; the feed has {told.status} with key {told.version}")
    for id in set(listed) - set(stores):
        yield Complaint("feed_differs", f"store {id} is in the list, and not in the feed")


def keys_are_right(model, evidence, stores):
    """Each connected store has one key that can be fetched, and this store issued it for this merchant."""
    known = {}
    for deed in model.of("grant", "import"):
        if deed.outcome != "no":
            known[deed.key] = (deed.user, deed.home, deed.secret)
    listed = {store["id"]: store for store in evidence.stores}
    for id, (status, keys) in evidence.keys.items():
        connected = id in stores and stores[id].status == "connected"
        if connected and status != 200:
            yield Complaint("lost", f"store {id} is connected, but fetching its key returns {status}")
        if status != 200:
            continue
        if not connected:
            yield Complaint(
                "not_deleted", f"store {id} is {stores[id].status if id in stores else 'unknown'}, and its key is lent"
            )
        store = listed.get(id, {})
        if not keys["consumer_key"].endswith(store.get("key_last7", "")) or keys["key_version"] != store.get(
            "key_version"
        ):
            yield Complaint(
                "two_active", f"store {id} shows key {store.get('key_version')}, and lends {keys['key_version']}"
            )
    versions = {}
    for deed in model.of("lend"):
        if deed.outcome != "yes":
            continue
        if known.get(deed.key) != (deed.user, deed.home, deed.secret):
            yield Complaint(
                "wrong_key", f"{deed.user} at {deed.home} was lent a key that this store did not give for it"
            )
        first = versions.setdefault((deed.store, deed.version), deed.key)
        if first != deed.key:
            yield Complaint(
                "two_active", f"key {deed.version} of {deed.store} was lent as {first[-7:]} and as {deed.key[-7:]}"
            )


def lending_is_recorded(model, evidence, _stores):
    """Each lent key is recorded once, for the right token, and there are no records of reads that nobody requested."""
    records = Counter((request, store) for request, store, _, _ in evidence.records)
    for (request, store), count in records.items():
        if count > 1:
            yield Complaint("recorded_twice", f"request {request} about {store} is on record {count} times")
    by_request = {(request, store): (token, version) for request, store, token, version in evidence.records}
    lent = {}
    for deed in model.of("lend"):
        if deed.outcome == "yes":
            lent[deed.request, deed.store] = deed
    for key, deed in lent.items():
        token = evidence.tokens.get(deed.token, (None,))[0]
        record = by_request.get(key)
        if record is None:
            yield Complaint(
                "unrecorded",
                f"request {deed.request} was lent key {deed.version} of {deed.store}, and that is not on record",
            )
        elif record != (token, deed.version):
            yield Complaint(
                "unrecorded", f"request {deed.request} is recorded as {record}, but was {(token, deed.version)}"
            )
    extra = len(set(by_request) - set(lent))
    unknown = sum(getattr(deed, "most", 1) for deed in model.of("lend") if deed.outcome == "unknown")
    if extra > unknown:
        yield Complaint("invented", f"{extra} recorded reads were not answered, and only {unknown} may have been")


def revoked_is_revoked(model, evidence, _stores):
    """A token is accepted until its revocation is requested, and never after the revocation was acknowledged."""
    revoked = {deed.name: deed for deed in model.of("revoke") if deed.outcome == "yes"}
    for deed in model.of("lend"):
        end = revoked.get(deed.token)
        if end and deed.outcome == "yes" and deed.began > end.ended:
            yield Complaint("lent_after_revocation", f"{deed.token} was revoked, and lent {deed.store} afterwards")
    touched = {deed.name for deed in model.of("revoke") if deed.outcome != "no"}
    for name, (_, let_in) in evidence.tokens.items():
        if name in revoked and let_in:
            yield Complaint("not_deleted", f"{name} was revoked, but is still accepted")
        if name not in touched and let_in is False:
            yield Complaint("lost", f"{name} was issued, but is not accepted")
    for deed in model.of("token"):
        if deed.outcome == "yes" and evidence.tokens and deed.name not in evidence.tokens:
            yield Complaint("lost", f"token {deed.name} was issued, and is not listed")


def disconnected_stays_so(model, evidence, stores):
    """After a DELETE was answered 200, the store is disconnected, and its former key is never lent again."""
    lends = defaultdict(list)
    for deed in model.of("lend"):
        if deed.outcome == "yes":
            lends[deed.store].append(deed)
    for deed in model.of("disconnect"):
        if deed.outcome != "yes" or deed.store not in stores:
            continue
        ends = [step for step in stores[deed.store].since(deed.mark) if step[1] == "disconnected"]
        if not ends:
            yield Complaint(
                "not_deleted", f"DELETE of {deed.store} was answered 200, but it was never disconnected afterwards"
            )
            continue
        # If there are several, the first counts: the version is at most an earlier one.
        for lend in lends[deed.store]:
            if lend.began > deed.ended and lend.version <= ends[0][2]:
                yield Complaint(
                    "not_deleted",
                    f"DELETE of {deed.store} was answered 200, and key {lend.version} was lent afterwards",
                )


def limits_hold(model, evidence, _stores):
    """A token limited to some merchants sees exactly their events, in order, and can fetch only their keys."""
    for name, seen in evidence.limited.items():
        users = model.tokens[name]["users"]
        right = [event["id"] for event in evidence.feed if event["data"].get("user_id") in users]
        if seen != right:
            wrong = sorted(set(seen) ^ set(right))[:3] or "the order, or one twice"
            yield Complaint("feed_limited", f"{name} sees {len(seen)} events instead of {len(right)}: {wrong}")
    for deed in model.of("lend"):
        users = model.tokens.get(deed.token, {}).get("users")
        if users and deed.outcome == "yes" and deed.user not in users:
            yield Complaint("lent_to_other", f"{deed.token} is limited to {users}, and was lent a key of {deed.user}")


def webhooks_are_told(_model, evidence, _stores):
    """Every delivery is identical to the feed's event, and every event since the webhook was created was delivered or waits."""
    feed = {event["id"]: event for event in evidence.feed}
    for name, (first, came) in evidence.deliveries.items():
        for id, bodies in came.items():
            if any(body != feed.get(id) for body in bodies):
                yield Complaint("webhook_differs", f"{name} was sent {id} with content that differs from the feed")
        missing = [id for id in feed if id > first and id not in came and id not in evidence.waiting.get(name, ())]
        if evidence.settled and missing:
            yield Complaint("webhook_missing", f"{name} was not sent {len(missing)} events, the first is {missing[0]}")


def nothing_failed_in_calm(model, _evidence, _stores):
    for deed in model.deeds:
        if deed.calm and deed.outcome == "unknown" and not getattr(deed, "missed", False):
            yield Complaint("unwell", f"{deed.kind} {deed.about} was not answered although no fault was active")
