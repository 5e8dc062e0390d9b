#!/usr/bin/env python3
"""Connects the stores of a running `cartkey demo` as a merchant's browser would. Reads the demo's output from standard input and
prints shell variables with data that tests can use.

With `seen` and recorded requests (HAR): fails for each documented route that was never called, or never successfully with that
data. Reads those shell variables from the environment."""

import http.cookiejar
import json
import os
import re
import sys
import time
import urllib.parse
import urllib.request
from html import unescape


class Browser:
    """Cookies, redirects and forms."""

    def __init__(self):
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(self, url, data=None):
        headers = {"Origin": "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(url)), "Accept": "text/html"}
        with self.opener.open(urllib.request.Request(url, data, headers), timeout=30) as answer:
            return answer.geturl(), answer.read().decode()

    def submit(self, page, button, **typed):
        """Fills in the form with this button and submits it."""
        url, body = page
        forms = re.findall(r"<form\b.*?</form>", body, re.S)
        form = next(form for form in forms if button in form)
        fields = {}
        for tag in re.findall(r"<(?:input|button)\b[^>]*>", form):
            attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
            if "name" in attributes and attributes.get("type") != "checkbox":
                fields[attributes["name"]] = unescape(attributes.get("value", ""))
        action = re.search(r'<form\b[^>]*\baction="([^"]*)"', form)
        target = urllib.parse.urljoin(url, unescape(action[1])) if action else url
        return self.get(target, urllib.parse.urlencode(fields | typed).encode())

    def follow(self, page, words):
        """Follows the link with this text."""
        url, body = page
        links = re.findall(r'<a\b[^>]*\bhref="([^"]*)"[^>]*>(.*?)</a>', body, re.S)
        href = next(href for href, text in links if words in text)
        return self.get(urllib.parse.urljoin(url, unescape(href)))


def connect(link, password):
    """Opens a link and approves at the store, as a merchant would."""
    browser = Browser()
    page = browser.submit(browser.get(link), "Connect store")
    page = browser.follow(page, "Continue to")
    page = browser.submit(page, "Login", username="admin", password=password)
    return browser.follow(page, "Approve")


def api(base, token, method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"Authorization": "Bearer " + token}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def main():
    said = sys.stdin.read()
    store = re.search(r"pretend WooCommerce store at (\S+)", said)[1]
    password = re.search(r"admin with the password (\w+)", said)[1]
    token, base = re.search(r"Bearer (\S+)' (http://[^/]+)/api", said).groups()
    links = []
    for user in ("merchant-1", "merchant-2", "merchant-3"):
        links.append(api(base, token, "POST", "/api/v1/links", {"user_id": user, "store_url": store}))
        connect(links[-1]["url"], password)
    for _ in range(300):
        found = api(base, token, "GET", "/api/v1/stores")["data"]
        if len(found) == len(links):
            break
        time.sleep(0.1)
    else:
        sys.exit("the stores were not connected")
    attempt = api(base, token, "GET", "/api/v1/links/" + links[0]["id"])["attempt"]["id"]
    facts = {"BASE": base, "TOKEN": token, "SHOP": store, "LINK": links[0]["id"], "ATTEMPT": attempt}
    # One store to read, of the merchant named in scripts/contract-known.toml, and one to disconnect.
    facts["STORE"] = next(each["id"] for each in found if each["user_id"] == "merchant-1")
    facts["SPARE"] = next(each["id"] for each in found if each["user_id"] == "merchant-3")
    # Of each kind, one to read and one to end.
    for name in ("WEBHOOK", "SPARE_WEBHOOK"):
        facts[name] = api(base, token, "POST", "/api/v1/webhooks", {"url": store + "/hook"})["id"]
    for name in ("TOKEN_ID", "SPARE_TOKEN_ID"):
        facts[name] = api(base, token, "POST", "/api/v1/tokens", {"name": name, "permissions": ["stores:read"]})["id"]
    for name, value in facts.items():
        print(f"{name}={value}")


# Existing data, by path segment; of some there is a second, to end.
KNOWN = {
    "links": ["LINK"],
    "stores": ["STORE", "SPARE"],
    "attempts": ["ATTEMPT"],
    "webhooks": ["WEBHOOK", "SPARE_WEBHOOK"],
    "tokens": ["TOKEN_ID", "SPARE_TOKEN_ID"],
}
# Called by schemathesis itself to load the description; not recorded.
READ_FIRST = {"getDescription"}
# Only a merchant's browser gets a valid code: for an existing attempt, 409 is the right response.
RIGHTLY = {"confirmAttempt": (409,)}
# The pretend store has no such routes: its own 404 is passed on.
RIGHTLY |= {name + of: (404,) for name in ("putToStore", "patchInStore", "deleteInStore") for of in ("", "OfUser")}


def known(path):
    """All paths of a documented route that lead to existing data."""
    if "{" not in path:
        return [path]
    collection = path.split("/")[3]
    values = ["merchant-1"] if collection == "users" else [os.environ[name] for name in KNOWN[collection]]
    return [re.sub(r"\{\w+\}", value, path.replace("{route}", "products")) for value in values]


def seen(records):
    with urllib.request.urlopen(os.environ["BASE"] + "/api/v1/openapi.json", timeout=30) as answer:
        paths = json.load(answer)["paths"]
    asked = set()
    for record in records:
        with open(record, encoding="utf-8") as file:
            for entry in json.load(file)["log"]["entries"]:
                request = entry["request"]
                path = urllib.parse.unquote(urllib.parse.urlsplit(request["url"]).path)
                asked.add((request["method"].lower(), path, entry["response"]["status"]))
    faults = []
    for path, item in paths.items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", path)
        for method, operation in item.items():
            name = operation["operationId"]
            if name in READ_FIRST:
                continue
            if not any(of == method and re.fullmatch(pattern, at) for of, at, _ in asked):
                faults.append(f"{name} was never called")
                continue
            rightly = RIGHTLY.get(name, range(200, 300))
            if not any((method, at, status) in asked for at in known(path) for status in rightly):
                faults.append(f"{name} was never called successfully with existing data: {', '.join(known(path))}")
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    if sys.argv[1:2] == ["seen"]:
        seen(sys.argv[2:])
    else:
        main()
