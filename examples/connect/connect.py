#!/usr/bin/env python3
"""Connects a merchant's WooCommerce store through Cartkey, then uses it. Python 3.9 or newer, nothing to install.

    export CARTKEY=http://127.0.0.1:8090 TOKEN=cartkey_… RETURN_URL=https://app.example.com/connected
    python3 connect.py link merchant-42               # prints the address to send the merchant to
    python3 connect.py came-back RETURNED_TO merchant-42    # the address they returned to, and the signed-in user
    python3 connect.py orders merchant-42             # calls their store
    python3 connect.py follow                         # prints events as they happen
"""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

CARTKEY, TOKEN = os.environ["CARTKEY"], os.environ["TOKEN"]


class Problem(Exception):
    """A problem that Cartkey reports: match on `code`."""

    def __init__(self, problem):
        super().__init__(f"{problem['code']}: {problem['detail']}")
        self.code = problem["code"]


class Stay(urllib.request.HTTPRedirectHandler):
    """Does not follow redirects: a key is for its own store only, and urllib would send it along."""

    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(Stay)


def send(method, url, headers, body=None):
    """Sends one request; returns the status, headers and body, also of an error response."""
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
    """1. Creates a link for the merchant who is signed in to your application. Send them to its address."""
    new_link = {"user_id": user_id, "return_url": os.environ["RETURN_URL"], "confirm": "app"}
    return cartkey("POST", "/api/v1/links", new_link)[0]["url"]


def came_back(returned_to, signed_in):
    """2. The merchant's browser has returned. State who is signed in: if the link is someone else's, Cartkey connects nothing."""
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(returned_to).query))
    if query.get("status") != "awaiting_confirmation":
        return None
    path = "/api/v1/attempts/" + urllib.parse.quote(query["attempt_id"], safe="") + "/confirm"
    return cartkey("POST", path, {"code": query["code"], "user_id": signed_in})[0]


remembered = {}  # user_id -> (ETag, keys)


def keys_of(user_id):
    """3. Fetches the store's keys. Call it whenever you need them: while they are unchanged, the response is a short 304."""
    etag, keys = remembered.get(user_id, (None, None))
    path = "/api/v1/users/" + urllib.parse.quote(user_id, safe="") + "/keys"
    fresh, headers = cartkey("GET", path, headers={"If-None-Match": etag} if etag else None)
    if fresh:  # None on 304: the keys you have are current
        keys = fresh
        remembered[user_id] = headers["ETag"], keys
    return keys


def ask_store(keys, path, **query):
    """4. Sends a GET to the store's REST API, with the key as this store accepts it."""
    # A store with plain permalinks has the path in a parameter.
    url, _, in_url = (keys["api_url"] + path).partition("?")
    query = dict(urllib.parse.parse_qsl(in_url)) | query
    headers = {"User-Agent": "my-app/1.0", "Accept": "application/json"}
    # An application password of WordPress: user name and password take the places of key and secret.
    key, secret = keys["consumer_key"] or keys["username"], keys["consumer_secret"] or keys["password"]
    if keys["auth_method"] in ("basic", "application_password"):
        headers["Authorization"] = "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()
    elif keys["auth_method"] == "query":
        query |= {"consumer_key": key, "consumer_secret": secret}
    else:
        # The store's PHP does not see https: send over https, sign as http.
        signed_url = url.replace("https://", "http://", 1) if keys["auth_method"] == "oauth1_http" else url
        query |= oauth(signed_url, query, key, secret)
    return send("GET", url + "?" + urllib.parse.urlencode(query), headers)


def oauth(url, query, key, secret):
    """OAuth 1.0a (RFC 5849) as WooCommerce expects it: one-legged, in the query, HMAC-SHA256."""
    own = {
        "oauth_consumer_key": key,
        "oauth_nonce": secrets.token_hex(16),
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(time.time())),
    }
    quote = lambda text: urllib.parse.quote(str(text), safe="~")
    pairs = sorted((quote(name), quote(value)) for name, value in {**query, **own}.items())
    base = "&".join(["GET", quote(url.rstrip("/")), quote("&".join(f"{name}={value}" for name, value in pairs))])
    digest = hmac.new(f"{secret}&".encode(), base.encode(), hashlib.sha256).digest()
    return {**own, "oauth_signature": base64.b64encode(digest).decode()}


def read_json(text):
    """Parses the store's JSON, also among PHP notices and comments (`notes`: json_has_noise): the first object or list of objects."""
    text, decoder = text.decode("utf-8", "replace"), json.JSONDecoder()
    for start in re.finditer(r"[\[{]", text):
        try:
            value, _ = decoder.raw_decode(text, start.start())
        except ValueError:
            continue
        if isinstance(value, dict) or all(isinstance(each, dict) for each in value):
            return value
    raise SystemExit("the store did not answer with JSON")


def orders(user_id):
    keys = keys_of(user_id)
    status, _, text = ask_store(keys, "/orders", per_page=10)
    if status in (401, 403):
        # 5. Report it to Cartkey, which checks the store itself and returns the reason.
        store, _ = cartkey("POST", f"/api/v1/stores/{keys['store_id']}/check")
        raise SystemExit(f"the store refused: {store['status']}, {store['reason']}")
    if status != 200:
        raise SystemExit(f"the store answered {status}")
    return len(read_json(text)), keys_of(user_id)["auth_method"]


def follow(after="latest"):
    """6. Prints all events, in order, with no gaps. Store `next` to continue there after a restart."""
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
