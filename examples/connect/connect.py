#!/usr/bin/env python3
"""Connect a merchant's WooCommerce store through Cartkey, and use it. Python 3.9 or newer, nothing to install.

    export CARTKEY=http://127.0.0.1:8090 TOKEN=cartkey_… RETURN_URL=https://app.example.com/connected
    python3 connect.py link merchant-42               # prints where to send the merchant
    python3 connect.py came-back RETURNED_TO merchant-42    # the address they came back to, and who is signed in
    python3 connect.py orders merchant-42             # asks their store
    python3 connect.py follow                         # prints what happens, for ever
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

CARTKEY, TOKEN = os.environ["CARTKEY"], os.environ["TOKEN"]


class Problem(Exception):
    """What Cartkey could not do: match on `code`."""

    def __init__(self, problem):
        super().__init__(f"{problem['code']}: {problem['detail']}")
        self.code = problem["code"]


class Stay(urllib.request.HTTPRedirectHandler):
    """Follows nobody: a key is for the store that it was made for, and urllib would take it along."""

    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(Stay)


def send(method, url, headers, body=None):
    """One request; the answer's status, headers and body, also when it is no success."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        answer = opener.open(request, timeout=60)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, answer.read()


def cartkey(method, path, body=None, headers=None):
    status, headers, text = send(method, CARTKEY + path, {"Authorization": "Bearer " + TOKEN, **(headers or {})}, body)
    if status >= 400:
        raise Problem(json.loads(text))
    return (json.loads(text) if text else None), headers


def make_link(user_id):
    """1. An invitation for the merchant who is signed in to your application. Send them to its address."""
    wish = {"user_id": user_id, "return_url": os.environ["RETURN_URL"], "confirm": "app"}
    return cartkey("POST", "/api/v1/links", wish)[0]["url"]


def came_back(returned_to, signed_in):
    """2. The merchant's browser is back. Say who is signed in: for anybody else's link, Cartkey connects nothing."""
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(returned_to).query))
    if query.get("status") != "awaiting_confirmation":
        return None
    path = "/api/v1/attempts/" + urllib.parse.quote(query["attempt_id"], safe="") + "/confirm"
    return cartkey("POST", path, {"code": query["code"], "user_id": signed_in})[0]


remembered = {}  # user_id -> (ETag, keys)


def keys_of(user_id):
    """3. The store's keys. Ask whenever you need them: while they are the same, the answer is short."""
    etag, keys = remembered.get(user_id, (None, None))
    path = "/api/v1/users/" + urllib.parse.quote(user_id, safe="") + "/keys"
    fresh, headers = cartkey("GET", path, headers={"If-None-Match": etag} if etag else None)
    if fresh:  # None: 304, what you have is right
        keys = fresh
        remembered[user_id] = headers["ETag"], keys
    return keys


def ask_store(keys, path, **query):
    """4. A GET to the store's REST API, in the way in which this store takes its key."""
    url, headers = keys["api_url"] + path, {"User-Agent": "my-app/1.0", "Accept": "application/json"}
    key, secret = keys["consumer_key"], keys["consumer_secret"]
    if keys["auth_method"] == "basic":
        headers["Authorization"] = "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()
    elif keys["auth_method"] == "query":
        query |= {"consumer_key": key, "consumer_secret": secret}
    else:
        # The store's PHP does not see https: what is sent by https is signed as http.
        signed_url = url.replace("https://", "http://", 1) if keys["auth_method"] == "oauth1_http" else url
        query |= oauth(signed_url, query, key, secret)
    return send("GET", url + "?" + urllib.parse.urlencode(query), headers)


def oauth(url, query, key, secret):
    """OAuth 1.0a (RFC 5849) as WooCommerce wants it: one-legged, in the query, HMAC-SHA256."""
    own = {
        "oauth_consumer_key": key,
        "oauth_nonce": secrets.token_hex(16),
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(time.time())),
    }
    quote = lambda text: urllib.parse.quote(str(text), safe="~")
    pairs = sorted((quote(name), quote(value)) for name, value in {**query, **own}.items())
    base = "&".join(["GET", quote(url), quote("&".join(f"{name}={value}" for name, value in pairs))])
    digest = hmac.new(f"{secret}&".encode(), base.encode(), hashlib.sha256).digest()
    return {**own, "oauth_signature": base64.b64encode(digest).decode()}


def orders(user_id):
    keys = keys_of(user_id)
    status, _, text = ask_store(keys, "/orders", per_page=10)
    if status in (401, 403):
        # 5. Tell Cartkey. It asks the store itself, and says what is the matter.
        store, _ = cartkey("POST", f"/api/v1/stores/{keys['store_id']}/check")
        raise SystemExit(f"the store refused: {store['status']}, {store['reason']}")
    if status != 200:
        raise SystemExit(f"the store answered {status}")
    return len(json.loads(text)), keys_of(user_id)["auth_method"]


def follow(after="latest"):
    """6. Everything that happens, in order, none skipped. Keep `next`, and go on there after a restart."""
    while True:
        news, _ = cartkey("GET", f"/api/v1/events?after={after}&wait=20")
        for event in news["data"]:
            print(event["id"], event["type"], event["data"].get("store_id", ""), flush=True)
        after = news["next"]


def main(command, *arguments):
    if command == "link":
        print(make_link(*arguments))
    elif command == "came-back":
        store = came_back(*arguments)
        print(f"connected {store['id']} {store['url']}" if store else "not connected")
    elif command == "orders":
        print("{} orders, by {}".format(*orders(*arguments)))
    elif command == "follow":
        follow(*arguments)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Problem as problem:
        sys.exit(str(problem))
