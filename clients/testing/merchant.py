#!/usr/bin/env python3
"""What the tests of the clients need beside them.

    merchant.py connect LINK    opens a link and approves at the pretend store; prints the address to which the browser returned
    merchant.py try COMMAND…    runs a sample: opens the link in its first line, and types in the address to which the browser returned
    merchant.py odd             a server that answers as Cartkey seldom does; prints its address"""

import collections
import http.server
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
from contract import Browser  # noqa: E402

DEADLINE = 60  # seconds


def connect(link):
    browser = Browser()
    page = browser.submit(browser.get(link), "Connect store", store_url=os.environ["STORE"])
    page = browser.follow(page, "Continue to")
    page = browser.submit(page, "Login", username="admin", password="demo")
    page = browser.follow(page, "Approve")
    until = time.monotonic() + DEADLINE
    # The page says so once the key is proven.
    while "Continue to Acme Shipping" not in page[1]:
        if time.monotonic() > until:
            sys.exit(f"the approval did not end: {page[1]}")
        time.sleep(0.1)
        page = browser.get(page[0])
    return browser.follow(page, "Continue to Acme Shipping")[0]


def run(command):
    sample = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        link = sample.stdout.readline().strip()
        print(link)
        said, _ = sample.communicate(connect(link) + "\n", timeout=DEADLINE)
        print(said, end="")
    finally:
        sample.kill()
    sys.exit(sample.wait())


class Odd(http.server.BaseHTTPRequestHandler):
    """How it answers is the first part of the path."""

    protocol_version = "HTTP/1.1"
    asked = collections.Counter()

    def do_GET(self):
        way = self.path.split("/")[1]
        self.asked[way] += 1
        problem = {"code": "unavailable", "detail": "Try again later.", "status": 503}
        page = {"data": [], "next": "ev_0000000000000001"}
        if way == "busy":
            self.answer(503, problem, {"Content-Type": "application/problem+json", "Retry-After": "7"})
        elif way.startswith("flaky") and self.asked[way] == 1:
            self.answer(503, problem, {"Content-Type": "application/problem+json", "Retry-After": "0"})
        elif way == "elsewhere":
            self.answer(302, page, {"Location": "/trap"})
        elif way == "broken":
            self.answer(502, "<h1>Bad gateway</h1>", {"Content-Type": "text/html"})
        elif way == "trap":
            print("a redirect was followed", flush=True)
            self.answer(200, page, {})
        elif way == "echo":
            echo = {"path": self.path, "idempotency_key": self.headers["Idempotency-Key"]}
            self.answer(200, echo, {"X-WP-Total": "37", "X-WP-TotalPages": "8"})
        else:
            self.answer(200, page, {})

    def answer(self, status, body, headers):
        body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if sys.argv[1] == "connect":
        print(connect(sys.argv[2]))
    elif sys.argv[1] == "try":
        run(sys.argv[2:])
    else:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
