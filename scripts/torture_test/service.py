"""The real binary in its own folder: starts and kills it, and sends it HTTP requests and commands."""

import contextlib
import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import time
import urllib.parse
from glob import glob
from html import unescape

# How long a start may take on a busy machine, and a stop (which finishes accepted requests), in seconds.
STARTS_WITHIN = 30
STOPS_WITHIN = 45
COMMANDS_WITHIN = 30
FAKETIME = next(
    iter(
        sorted(
            glob("/usr/lib/*/faketime/libfaketimeMT.so.1") + glob("/usr/lib/*/faketime/libfaketime.so.1"), reverse=True
        )
    ),
    None,
)


class Answer:
    """A response; `status` is None if there was none, or only part of one."""

    def __init__(self, status=None, headers=None, text=""):
        self.status, self.headers, self.text = status, headers or {}, text

    @property
    def outcome(self):
        """What it tells the client about the outcome: yes, no, or unknown."""
        if self.status is None or self.status >= 500:
            return "unknown"
        return "yes" if self.status < 400 else "no"

    def json(self):
        try:
            return json.loads(self.text)
        except ValueError:
            return {}


def free_port():
    """A free port outside the range of outgoing connections, so that it stays free during restarts."""
    while True:
        port = 12000 + secrets.randbelow(8000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Service:
    """A Cartkey with its data in `folder`."""

    def __init__(self, binary, folder, database_url, with_clock):
        self.binary, self.folder = binary, folder
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.process = None
        self.log = open(os.path.join(folder, "log"), "ab")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("CARTKEY_")}
        self.environment.update(
            CARTKEY_PUBLIC_URL=self.base,
            CARTKEY_LISTEN=f"127.0.0.1:{self.port}",
            CARTKEY_DATABASE_URL=database_url,
            CARTKEY_MASTER_KEY=os.path.join(folder, "master.key"),
            CARTKEY_ALLOW_PRIVATE_STORES="true",
            CARTKEY_TRUSTED_PROXIES="127.0.0.1/32",
            CARTKEY_LOG="info",
        )
        self.clock = os.path.join(folder, "clock")
        self.offset = 0
        if with_clock:
            self.set_clock(0)
            self.environment.update(
                LD_PRELOAD=FAKETIME,
                FAKETIME_TIMESTAMP_FILE=self.clock,
                FAKETIME_NO_CACHE="1",
                FAKETIME_DONT_FAKE_MONOTONIC="1",
            )

    def set_clock(self, offset):
        """Sets the service's clock (not its database's) this many seconds off the true time."""
        self.offset = offset
        with open(self.clock + ".new", "w", encoding="ascii") as file:
            file.write(f"{offset:+d}s\n")
        os.replace(self.clock + ".new", self.clock)

    @property
    def pid(self):
        return self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        """Starts it and waits; returns whether it became ready."""
        self.process = subprocess.Popen(
            [self.binary, "serve"],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        end = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < end and self.is_running():
            if self.ask("GET", "/readyz", timeout=5).status == 200:
                return True
            time.sleep(0.02)
        return False

    def end(self, how=signal.SIGKILL):
        """Sends this signal; returns whether the process ended in time."""
        if not self.is_running():
            return True
        self.process.send_signal(how)
        try:
            self.process.wait(STOPS_WITHIN)
            return True
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False

    def close(self):
        self.end()
        self.log.close()

    def last_words(self, lines=15):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    def ask(self, method, path, body=None, headers=None, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
            return Answer(answer.status, answer.headers, text)
        except (OSError, http.client.HTTPException):
            return Answer()
        finally:
            connection.close()

    def api(self, method, path, secret, body=None, timeout=60):
        headers = {"Authorization": f"Bearer {secret}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        return self.ask(method, path, body, headers, timeout)

    def command(self, *arguments, given=None):
        """Runs a subcommand; returns its exit code and output."""
        try:
            done = subprocess.run(
                [self.binary, *arguments],
                env=self.environment,
                cwd=self.folder,
                input=given,
                capture_output=True,
                text=True,
                timeout=COMMANDS_WITHIN,
            )
        except subprocess.TimeoutExpired:
            return None, "", ""
        return done.returncode, done.stdout, done.stderr


class Browser:
    """A browser in its own network: cookies, redirects within the service, forms."""

    def __init__(self, service, number):
        self.service, self.cookies = service, {}
        self.address = f"{11 + number // 60000}.{number // 250 % 240}.{number % 250 + 1}.7"

    def go(self, method, url, fields=None):
        """Returns the response after redirects within the service."""
        for _ in range(6):
            parts = urllib.parse.urlsplit(urllib.parse.urljoin(self.service.base, url))
            path = parts.path + ("?" + parts.query if parts.query else "")
            headers = {
                "Accept": "text/html",
                "Origin": self.service.base,
                "Sec-Fetch-Site": "same-origin",
                "X-Forwarded-For": self.address,
                "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            }
            body = None
            if fields is not None:
                headers["Content-Type"] = "application/x-www-form-urlencoded"
                body = urllib.parse.urlencode(fields)
            answer = self.service.ask(method, path, body, headers)
            if answer.status is None:
                return answer
            for cookie in answer.headers.get_all("Set-Cookie") or []:
                name, _, value = cookie.split(";")[0].partition("=")
                self.cookies[name.strip()] = value
            target = answer.headers.get("Location")
            if answer.status not in (302, 303, 307) or not target:
                return answer
            if (
                urllib.parse.urlsplit(urllib.parse.urljoin(self.service.base, target)).netloc
                != urllib.parse.urlsplit(self.service.base).netloc
            ):
                return answer
            method, url, fields = "GET", urllib.parse.urljoin(url, target), None
        return answer


def authorize_address(page):
    """The store's approval page to which our page sends the browser, or None."""
    found = re.search(r'(?:href="|content="[^"]*url=)(https?://[^"]*/wc-auth/v1/authorize[^"]*)"', page)
    return unescape(found[1]) if found else None
