#!/usr/bin/env python3
"""Connects the stores of a running `cartkey demo` as a merchant's browser would, and prints what tests may ask about.

Reads what the demonstration prints from its standard input; prints shell variables."""

import http.cookiejar
import json
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
        """Fills the form that has this button, and presses it."""
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
        """Follows the link with these words."""
        url, body = page
        links = re.findall(r'<a\b[^>]*\bhref="([^"]*)"[^>]*>(.*?)</a>', body, re.S)
        href = next(href for href, text in links if words in text)
        return self.get(urllib.parse.urljoin(url, unescape(href)))


def connect(link, password):
    """A merchant opens a link and approves at the store."""
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
    facts = {"BASE": base, "TOKEN": token, "STORE": found[0]["id"], "LINK": links[0]["id"], "ATTEMPT": attempt}
    for name, value in facts.items():
        print(f"{name}={value}")


if __name__ == "__main__":
    main()
