"""The steps: each sends a request to the service, directly or through a store or a browser, and records the outcome in the model.
A step without its precondition (an attempt that was never begun) does nothing, so that histories can be shortened."""

import json
import re
import time
import urllib.parse

from evidence import Unreadable, read_feed
from faults import OF_THE_DISK
from model import Attempt
from service import FAKETIME, authorize_address


class Deeds:
    """The steps of a history, each a method `do_…` of a runner."""

    def note(self, kind, outcome, began, **about):
        self.say(f"    {kind}: {outcome}")
        if outcome == "unknown" and self.fault in OF_THE_DISK:
            self.model.refuse(self.fault_shape)
        return self.model.note(kind, outcome, began, calm=self.fault is None, **about)

    # --- Connecting --------------------------------------------------------------------------------------------------

    def do_link(self, user, shop=None, within=60):
        began = time.monotonic()
        body = {"user_id": user, **({"store_url": self.shops[shop].home} if shop is not None else {})}
        answer = self.service.api("POST", "/api/v1/links", self.secret, body, timeout=within)
        made = answer.json() if answer.outcome == "yes" else {}
        return self.note("link", answer.outcome, began, user=user, link_id=made.get("id"), url=made.get("url"))

    def do_begin(self, number, user, shop):
        """A merchant opens a link and continues to the store."""
        link = self.do_link(user, shop)
        if link.outcome != "yes" or number in self.model.attempts:
            return
        attempt = Attempt(number, user, shop, link.link_id, browser=self.new_browser())
        page = attempt.browser.go("GET", link.url)
        if page.status != 200:
            return
        sent = attempt.browser.go("POST", link.url, {"store_url": self.shops[shop].home})
        address = authorize_address(sent.text) if sent.status == 200 else None
        if address is None:
            return
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        attempt.callback, attempt.return_url = asked["callback_url"], asked["return_url"]
        attempt.state, attempt.scope = asked["user_id"], asked["scope"]
        attempt.id = urllib.parse.urlsplit(attempt.return_url).path.rpartition("/")[2]
        with self.model.lock:
            self.model.attempts[number] = attempt

    def attempt(self, number):
        found = self.model.attempts.get(number)
        return found if found and found.id else None

    def do_approve(self, number, times=1, misses=False):
        """The store creates a key and posts it, once per click on Approve. If the response is not 200, or is lost, it deletes
        the key again."""
        attempt = self.attempt(number)
        for _ in range(times if attempt else 0):
            shop = self.shops[attempt.shop]
            key_id, key, secret = shop.make_key()
            body = {"key_id": key_id, "user_id": attempt.state, "consumer_key": key, "consumer_secret": secret}
            body["key_permissions"] = attempt.scope
            with self.model.lock:
                attempt.bodies.append(body)
            self.post(attempt, body, misses)

    def post(self, attempt, body, misses=False, again=False):
        shop, began = self.shops[attempt.shop], time.monotonic()
        status = shop.post_key(attempt.callback, body, misses)
        outcome = "unknown" if status is None or status >= 500 else "yes" if status == 200 else "no"
        key, secret = body["consumer_key"], body["consumer_secret"]
        if again:
            # A copy sent by a proxy: the store never sees its response. The result of the first one counts.
            return
        if outcome != "yes":
            shop.revoke(key)
        about = {"attempt": attempt.number, "user": attempt.user, "home": shop.home, "key": key, "secret": secret}
        self.note("grant", outcome, began, missed=misses, **about)

    def do_again(self, number):
        """The last post is repeated."""
        attempt = self.attempt(number)
        if attempt and attempt.bodies:
            self.post(attempt, attempt.bodies[-1], again=True)

    def do_forge(self, number):
        """Someone who does not know the state posts a key."""
        attempt = self.attempt(number)
        if not attempt:
            return
        forged = {
            "key_id": 1,
            "user_id": "x" * 43,
            "consumer_key": "ck_" + "0" * 40,
            "consumer_secret": "cs_" + "0" * 40,
        }
        status = self.shops[attempt.shop].post_key(attempt.callback, {**forged, "key_permissions": "read_write"})
        if status == 200:
            self.complain("forged", f"attempt {number}: a callback with a wrong state was answered 200")

    def do_back(self, number, where="own", success=1):
        """The merchant's browser returns, or a different one."""
        attempt = self.attempt(number)
        if not attempt:
            return
        browser = attempt.browser if where == "own" else self.new_browser()
        began = time.monotonic()
        joint = "&" if "?" in attempt.return_url else "?"
        query = urllib.parse.urlencode({"success": success, "user_id": attempt.state})
        answer = browser.go("GET", attempt.return_url + joint + query)
        self.note("return" if success else "deny", answer.outcome, began, attempt=number, where=where)

    def do_connect(self, number, user, shop, misses=False):
        """The whole connection in one step."""
        self.do_begin(number, user, shop)
        self.do_approve(number, misses=misses)
        self.do_back(number)

    def do_wait(self, user, shop, seconds=4):
        """Waits until the merchant's store is connected."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.store_of(user, shop)
            if found and found["status"] == "connected":
                return
            time.sleep(0.05)

    # --- Lending -----------------------------------------------------------------------------------------------------

    def store_of(self, user, shop):
        path = "/api/v1/stores?user_id=" + urllib.parse.quote(user, safe="")
        found = self.service.api("GET", path, self.secret).json().get("data", [])
        return next((store for store in found if store["url"] == self.shops[shop].home), None)

    def lend(self, path, token):
        began = time.monotonic()
        answer = self.service.api("GET", path, self.model.tokens[token]["secret"])
        about, outcome = {}, answer.outcome
        if outcome == "yes":
            keys = answer.json()
            about = {"store": keys["store_id"], "user": keys["user_id"], "home": keys["store_url"]}
            about.update(key=keys["consumer_key"], secret=keys["consumer_secret"], version=keys["key_version"])
            about["request"] = answer.headers["x-request-id"]
        self.note("lend", outcome, began, token=token, **about)
        return answer

    def do_lend(self, user, shop, token="auditor", times=1):
        """A service fetches the key of this merchant's store."""
        home = urllib.parse.quote(self.shops[shop].home, safe="")
        path = f"/api/v1/users/{urllib.parse.quote(user, safe='')}/keys?store_url={home}"
        for _ in range(times if token in self.model.tokens else 0):
            self.lend(path, token)

    def lend_for_audit(self, store):
        answer = self.lend(f"/api/v1/stores/{store['id']}/keys", "auditor")
        if answer.outcome == "unknown":
            raise Unreadable(f"the key of {store['id']} is answered {answer.status}")
        return answer.status, answer.json()

    # --- Stores ------------------------------------------------------------------------------------------------------

    def do_disconnect(self, user, shop):
        store = self.store_of(user, shop)
        if not store:
            return
        began, mark = time.monotonic(), len(self.model.feed)
        answer = self.service.api("DELETE", f"/api/v1/stores/{store['id']}", self.secret)
        self.note("disconnect", answer.outcome, began, mark=mark, store=store["id"])

    def do_revoke_at_shop(self, user, shop):
        """The merchant deletes every key of theirs in the store's settings."""
        home = self.shops[shop].home
        for deed in self.model.of("grant", "import"):
            if (deed.user, deed.home) == (user, home):
                self.shops[shop].revoke(deed.key)
                self.model.revoked_at_shop.add(deed.key)

    def do_check(self, user, shop):
        store = self.store_of(user, shop)
        if store:
            began = time.monotonic()
            answer = self.service.api("POST", f"/api/v1/stores/{store['id']}/check", self.secret)
            self.note("check", answer.outcome, began, store=store["id"])

    def do_import(self, rows):
        """Imports existing keys from a file: `[user, shop]` each."""
        lines, deeds = ["user_id,store_url,consumer_key,consumer_secret,scope"], []
        for user, shop in rows:
            _, key, secret = self.shops[shop].make_key()
            lines.append(f"{user},{self.shops[shop].home},{key},{secret},read_write")
            deeds.append({"user": user, "home": self.shops[shop].home, "key": key, "secret": secret})
        began = time.monotonic()
        code, _, _ = self.service.command("import", "-", given="\n".join(lines) + "\n")
        for about in deeds:
            self.model.note("import", "yes" if code == 0 else "unknown", began, calm=False, **about)

    # --- Tokens, webhooks, feed --------------------------------------------------------------------------------------

    def issue(self, name, allow, users=None):
        """Issues a token on the command line; returns whether that succeeded. Its ID is in the log output."""
        began = time.monotonic()
        limit = ["--users", ",".join(users)] if users else []
        code, text, says = self.service.command("token", "issue", "--name", name, "--allow", allow, *limit)
        id = re.search(r"\btk_\w+", re.sub(r"\x1b\[\d*m", "", says))
        if code != 0 or not id:
            self.model.note("token", "unknown", began, calm=False, name=name)
            return False
        self.model.note("token", "yes", began, calm=False, name=name)
        self.model.tokens[name] = {"id": id[0], "secret": text.strip(), "users": users}
        return True

    def do_token(self, name, users=None):
        if name not in self.model.tokens:
            self.issue(name, "keys:read,stores:read,events:read", users)

    def do_revoke(self, name):
        if name not in self.model.tokens or any(deed.name == name for deed in self.model.of("revoke")):
            return
        began = time.monotonic()
        code, _, _ = self.service.command("token", "revoke", self.model.tokens[name]["id"])
        self.model.note("revoke", "yes" if code == 0 else "unknown", began, calm=False, name=name)

    def do_webhook(self, name):
        if name in self.model.webhooks:
            return
        path, began = f"/hooks/{name}", time.monotonic()
        code, _, _ = self.service.command("webhook", "add", "--url", self.receiver.base + path, "--description", name)
        id = None
        if code == 0:
            _, text, _ = self.service.command("webhook", "list", "--json")
            found = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
            id = next((each["id"] for each in found if each.get("description") == name), None)
            self.model.webhooks[name] = {"path": path, "id": id}
        self.model.note("webhook", "yes" if code == 0 else "unknown", began, calm=False, name=name, webhook_id=id)

    def do_feed(self):
        """Reads the feed further and compares it with what was read before."""
        try:
            events = read_feed(self.service, self.secret, limit=self.rng.choice((3, 50, 200)))
        except Unreadable:
            return
        with self.model.lock:
            before = self.model.feed
            if len(events) >= len(before):
                self.model.feed = events
        if events[: len(before)] != before[: len(events)]:
            self.complain("feed_changed", "the feed is not what it was")

    # --- Time --------------------------------------------------------------------------------------------------------

    def do_jump(self, seconds):
        """Sets the machine's clock."""
        if self.with_clock:
            self.jump(seconds)
        elif not FAKETIME:
            self.passed_over.add("jump (libfaketime is not installed)")

    def jump(self, seconds):
        self.service.set_clock(self.service.offset + seconds)
        self.model.clock_jumped += abs(seconds)

    def do_sleep(self, seconds):
        time.sleep(seconds)

    def do_restart(self):
        """kill -9 between two steps, then an audit."""
        self.left_claims = True
        self.restart()
        self.look(settled=False)
