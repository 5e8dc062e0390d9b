"""Pretend WooCommerce stores, and the services that receive webhooks. Each store has its own address on loopback, counts the
keys it created, and misbehaves on request."""

import base64
import http.client
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# A hanging store gives up after this many seconds, so that a replay never hangs.
HANGS_AT_MOST = 30


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Ignores connections closed by killed callers."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, *args):
        pass

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        status, headers, body = self.server.owner.answer(self, self.rfile.read(length))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.close_connection = True

    do_POST = do_HEAD = do_OPTIONS = do_DELETE = do_PUT = do_GET


def serve(owner, address):
    """Starts a server on a free port of this address and returns it."""
    server = Server((address, 0), Handler)
    server.owner = owner
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def as_json(status, value):
    return status, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(value).encode()


def as_page(status, text, **headers):
    return status, {"Content-Type": "text/html; charset=UTF-8", **headers}, text.encode()


class Shop:
    """One store."""

    def __init__(self, index, rng):
        self.index, self.rng = index, rng
        self.keys = {}
        self.made = 0
        self.lock = threading.Lock()
        self.awake = threading.Event()
        self.awake.set()
        self.is_down = False
        self.server = serve(self, f"127.0.0.{index + 2}")
        self.home = "http://{}:{}".format(*self.server.server_address)

    def close(self):
        self.awake.set()
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request, _body):
        self.awake.wait(HANGS_AT_MOST)
        if self.is_down:
            return as_page(503, "down for maintenance")
        path, _, query = request.path.partition("?")
        asked = dict(urllib.parse.parse_qsl(query))
        path = path.rstrip("/")
        if path == "/wp-json":
            spaces = ["wp/v2", "wc/v1", "wc/v2", "wc/v3"]
            about = {"name": f"Shop {self.index}", "url": self.home, "home": self.home}
            return as_json(200, {**about, "namespaces": spaces, "authentication": {}})
        if path == "/wc-auth/v1/authorize":
            return as_page(302, "", Location=f"{self.home}/wc-auth/v1/login/?{query}")
        if path in ("", "/wc-auth/v1/login"):
            return as_page(200, "<html>a store</html>")
        if not path.startswith("/wp-json/wc/v3"):
            return as_page(404, "<html>not found</html>")
        authorization = request.headers.get("Authorization", "")
        if path == "/wp-json/wc/v3" and not authorization and not asked.get("consumer_key"):
            return as_json(200, {"namespace": "wc/v3", "routes": {}})
        return self.answer_about_woocommerce(path, authorization, asked)

    def answer_about_woocommerce(self, path, authorization, asked):
        key, secret = asked.get("consumer_key"), asked.get("consumer_secret")
        if authorization.startswith("Basic "):
            key, _, secret = base64.b64decode(authorization[6:]).decode().partition(":")
        if key is None or self.keys.get(key) != secret:
            refusal = {"code": "woocommerce_rest_cannot_view", "message": "no", "data": {"status": 401}}
            return as_json(401, refusal)
        if path.endswith("/system_status"):
            versions = {"version": "11.0.1", "wp_version": "7.0.4"}
            return as_json(200, {"environment": {"home_url": self.home, "site_url": self.home, **versions}})
        return as_json(200, [] if path.endswith("/batch") else {"code": "EUR"})

    def make_key(self):
        """A new key: its number, consumer key and consumer secret."""
        with self.lock:
            self.made += 1
            key = f"ck_{self.rng.getrandbits(160):040x}"
            secret = f"cs_{self.rng.getrandbits(160):040x}"
            self.keys[key] = secret
            return self.made, key, secret

    def revoke(self, key):
        with self.lock:
            self.keys.pop(key, None)

    def post_key(self, callback, body, misses=False):
        """Posts a key to a callback as WooCommerce does; returns the response status, or None. A store that `misses` disconnects
        before it reads the response."""
        address = urllib.parse.urlsplit(callback)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        try:
            connection.request(
                "POST", address.path, json.dumps(body), {"Content-Type": "application/json;charset=UTF-8"}
            )
            if misses:
                return None
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


class Receiver:
    """The services behind webhooks: stores every delivery by its path."""

    def __init__(self):
        self.came = {}
        self.is_down = False
        self.lock = threading.Lock()
        self.server = serve(self, "127.0.0.1")
        self.base = "http://{}:{}".format(*self.server.server_address)

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request, body):
        if self.is_down:
            return as_page(500, "")
        with self.lock:
            self.came.setdefault(request.path, []).append((dict(request.headers.items()), body))
        return as_page(200, "")

    def was_told(self, path, store):
        """Whether this webhook was sent anything about the store."""
        with self.lock:
            return any(store.encode() in body for _, body in self.came.get(path, ()))
