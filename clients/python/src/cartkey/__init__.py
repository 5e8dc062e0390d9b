"""A client for Cartkey's service API. Standard library only, Python 3.9 or newer. The types are written by hand from the OpenAPI
description; methods and members are named as there. A client may be shared between threads."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import http.client
import json
import math
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import OrderedDict
from email.utils import parsedate_to_datetime
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, NoReturn, Optional, Sequence, TypedDict, Union, cast

__all__ = ["Cartkey", "CartkeyError", "Event", "EventList", "Keys", "KeysOrProblem", "Link", "LinkAttempt", "MadeLink", "SeveralKeys",
           "Store", "StoreAnswer", "StoreList", "verify_webhook"]


class MadeLink(TypedDict):
    id: str
    url: str
    user_id: str
    expires_at: str
    warning: Optional[str]


class LinkAttempt(TypedDict):
    id: str
    status: str
    reason: Optional[str]
    store_id: Optional[str]


class Link(TypedDict):
    id: str
    user_id: str
    account_label: Optional[str]
    store_url: Optional[str]
    store_id: Optional[str]
    scope: str
    return_url: Optional[str]
    confirm: str
    created_at: str
    expires_at: str
    withdrawn_at: Optional[str]
    attempt: Optional[LinkAttempt]


class Store(TypedDict):
    id: str
    user_id: str
    url: str
    name: Optional[str]
    status: str
    reason: Optional[str]
    scope: str
    key_id: int
    key_last7: str
    key_version: int
    auth_method: str
    woocommerce_version: Optional[str]
    wordpress_version: Optional[str]
    moved_to: Optional[str]
    connected_at: str
    checked_at: str
    changed_at: str


class StoreList(TypedDict):
    data: List[Store]
    next_cursor: Optional[str]


class Keys(TypedDict):
    store_id: str
    user_id: str
    store_url: str
    api_url: str
    consumer_key: Optional[str]
    consumer_secret: Optional[str]
    username: Optional[str]
    password: Optional[str]
    permissions: str
    auth_method: str
    notes: List[str]
    key_version: int
    issued_at: str


class KeysOrProblem(TypedDict):
    """Exactly one of `keys` and `problem` is not None."""

    id: str
    keys: Optional[Keys]
    problem: Optional[Dict[str, Any]]


class SeveralKeys(TypedDict):
    data: List[KeysOrProblem]


class _Event(TypedDict):
    id: str
    type: str
    timestamp: str
    data: Dict[str, Any]


class Event(_Event, total=False):
    """`related` is the API path of the store, link, webhook or token that the event is about."""

    related: str


class EventList(TypedDict):
    data: List[Event]
    next: str


class StoreAnswer(NamedTuple):
    """`total` and `total_pages` are those of a list, otherwise None."""

    status: int
    headers: Mapping[str, str]
    total: Optional[int]
    total_pages: Optional[int]
    body: Any


class CartkeyError(Exception):
    """The one error of this client. Match on `code`. Its text never contains a secret.

    `status` is 0 if there was no answer. `code` is Cartkey's stable code, the store's own if `from_store`, or one of this client:
    `no_answer`, `unexpected_answer`, `webhook_refused`. `retry_after` is in seconds. `problem` has all members, such as
    `attempt_url` or `reason`."""

    def __init__(self, status: int, problem: Dict[str, Any], headers: Optional[Mapping[str, str]] = None, from_store: bool = False):
        self.status = status
        self.code = str(problem["code"])
        self.detail = str(problem.get("detail") or problem.get("message") or "")
        self.request_id = (headers or {}).get("cartkey-request-id")
        self.retry_after = _seconds((headers or {}).get("retry-after"))
        self.from_store = from_store
        self.problem = problem
        super().__init__(f"{self.code}: {self.detail}" + (f" ({self.request_id})" if self.request_id else ""))


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for Cartkey only, and urllib would send it along."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


Query = Mapping[str, Union[str, int, bool, None]]
_opener = urllib.request.build_opener(_Stay)
_CACHED = 1000  # entries in the cache of keys, at most


class Cartkey:
    def __init__(self, url: str, token: str):
        """`url` is Cartkey's address without `/api/v1`, `token` a service token."""
        # The token must not be in an error's text: http.client would quote one that ends with a line break.
        if not url or not re.fullmatch("[!-~]+", token):
            raise ValueError("Cartkey needs its address and a service token without spaces")
        self._url = url.rstrip("/") + "/api/v1/"
        self._token = token
        # ETags and keys by request. Each use asks Cartkey whether they are current.
        self._cache: OrderedDict[str, tuple[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def make_link(self, user_id: str, *, account_label: str | None = None, store_url: str | None = None, store_id: str | None = None,
                  scope: str | None = None, return_url: str | None = None, confirm: str | None = None,
                  expires_in: int | None = None, idempotency_key: str | None = None) -> MadeLink:
        """Creates a link for the user who is signed in to your application. Send them to its `url`. Called again with
        the same `idempotency_key`, it returns the same link."""
        new_link = {"user_id": user_id, "account_label": account_label, "store_url": store_url, "store_id": store_id, "scope": scope,
                    "return_url": return_url, "confirm": confirm, "expires_in": expires_in}
        given = {name: value for name, value in new_link.items() if value is not None}
        return cast(MadeLink, self._ask("POST", "links", body=given, idempotency_key=idempotency_key))

    def get_link(self, id: str) -> Link:
        return cast(Link, self._ask("GET", _path("links", id)))

    def confirm_attempt(self, id: str, code: str, user_id: str, *, idempotency_key: str | None = None) -> Store:
        """`user_id` is who is signed in to your application now, taken from your session."""
        return cast(Store, self._ask("POST", _path("attempts", id, "confirm"), body={"code": code, "user_id": user_id},
                                      idempotency_key=idempotency_key))

    def came_back(self, returned_to: str, signed_in: str) -> Store | None:
        """Confirms what the address says to which the merchant's browser returned; None if there is nothing to confirm."""
        said = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(returned_to).query))
        if said.get("status") != "awaiting_confirmation":
            return None
        return self.confirm_attempt(said.get("attempt_id", ""), said.get("code", ""), signed_in)

    def get_keys_of_user(self, user_id: str, store_url: str | None = None) -> Keys:
        """Call it whenever you need keys: while they are unchanged, the response is a short 304."""
        return cast(Keys, self._cached("GET", _path("users", user_id, "keys"), {"store_url": store_url}))

    def get_keys_of_store(self, id: str) -> Keys:
        return cast(Keys, self._cached("GET", _path("stores", id, "keys")))

    def get_several_keys(self, *, store_ids: Sequence[str] | None = None, user_ids: Sequence[str] | None = None) -> SeveralKeys:
        """The keys of up to 500 stores; an entry has `keys` or a `problem`."""
        wanted = {"store_ids": store_ids, "user_ids": user_ids}
        given = {name: list(ids) for name, ids in wanted.items() if ids is not None}
        return cast(SeveralKeys, self._cached("POST", "keys", body=given))

    def call_store(self, id: str, method: str, route: str, *, query: Query | None = None, body: Any = None,
                   idempotency_key: str | None = None) -> StoreAnswer:
        """Sends a request to a store with its key, which never leaves Cartkey. `route` begins with a namespace: `wc/v3/orders`."""
        return self._call("stores", id, method, route, query, body, idempotency_key)

    def call_store_of_user(self, user_id: str, method: str, route: str, *, query: Query | None = None, body: Any = None,
                           idempotency_key: str | None = None) -> StoreAnswer:
        """The same by merchant. If they have several stores, add `store_url` to the query."""
        return self._call("users", user_id, method, route, query, body, idempotency_key)

    def list_stores(self, *, user_id: str | None = None, status: str | None = None, q: str | None = None, limit: int | None = None,
                    cursor: str | None = None) -> StoreList:
        query = {"user_id": user_id, "status": status, "q": q, "limit": limit, "cursor": cursor}
        return cast(StoreList, self._ask("GET", "stores", query))

    def get_store(self, id: str) -> Store:
        return cast(Store, self._ask("GET", _path("stores", id)))

    def check_store(self, id: str) -> Store:
        """Reports a 401 or 403 of a store: Cartkey checks it and returns its state."""
        return cast(Store, self._ask("POST", _path("stores", id, "check"), timeout=120))

    def read_events(self, after: str | None = None, *, limit: int | None = None, wait: int | None = None) -> EventList:
        """One part of the feed. With `wait`, an empty one is held back for so many seconds, at most 30."""
        query = {"after": after, "limit": limit, "wait": wait}
        return cast(EventList, self._ask("GET", "events", query, timeout=30 + (wait or 0)))

    def follow_events(self, after: str = "latest") -> Iterator[EventList]:
        """All events from now on, or after the one with this ID. Store `next` with your results. Goes on after interruptions."""
        pause = 1.0
        while True:
            try:
                part = self.read_events(after, wait=30)
            except CartkeyError as error:
                if error.status not in (0, 429, 502, 503, 504):
                    raise
                time.sleep(pause if error.retry_after is None else error.retry_after)
                pause = min(2 * pause, 60)
                continue
            pause = 1.0
            if part["next"] != after:
                after = part["next"]
                yield part

    def _call(self, kind: str, id: str, method: str, route: str, query: Query | None, body: Any, idempotency_key: str | None) -> StoreAnswer:
        # A store has a minute to begin its answer, after its turn has come.
        path = _path(kind, id, "wp-json", *route.lstrip("/").split("/"))
        status, answered, value = self._send(method, path, query, body, _keyed(idempotency_key), 120)
        total, pages = (int(answered[name]) if name in answered else None for name in ("x-wp-total", "x-wp-totalpages"))
        return StoreAnswer(status, answered, total, pages, value)

    def _ask(self, method: str, path: str, query: Query | None = None, *, body: Any = None, timeout: float = 30,
             idempotency_key: str | None = None) -> Any:
        return self._send(method, path, query, body, _keyed(idempotency_key), timeout)[2]

    def _cached(self, method: str, path: str, query: Query | None = None, *, body: Any = None) -> Any:
        name = json.dumps([path, query, body])
        with self._lock:
            known = self._cache.get(name)
        try:
            status, headers, value = self._send(method, path, query, body, {"If-None-Match": known[0]} if known else {}, 30)
        except CartkeyError as error:
            if error.status in (403, 404, 409):
                with self._lock:
                    self._cache.pop(name, None)
            raise
        fresh = known if known and status == 304 else (headers.get("etag", ""), value)
        with self._lock:
            self._cache[name] = fresh
            self._cache.move_to_end(name)
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return copy.deepcopy(fresh[1])

    def _send(self, method: str, path: str, query: Query | None, body: Any, headers: Dict[str, str],
              timeout: float) -> tuple[int, Dict[str, str], Any]:
        given = {name: str(value).lower() if isinstance(value, bool) else value for name, value in (query or {}).items() if value is not None}
        url = self._url + path + ("?" + urllib.parse.urlencode(given) if given else "")
        headers = {**headers, "Authorization": "Bearer " + self._token, "Accept": "application/json", "User-Agent": "cartkey-python/0.1.0"}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            try:
                answer = _opener.open(urllib.request.Request(url, data, headers, method=method), timeout=timeout)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                status, text = answer.status, answer.read()
                answered = {name.lower(): value for name, value in answer.headers.items()}
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "reason", error)
            detail = f"No answer from {urllib.parse.urlsplit(url).netloc}: {type(why).__name__}."
            raise CartkeyError(0, {"code": "no_answer", "detail": detail}) from None
        return status, answered, _read(status, answered, text, "/wp-json/" in path)


def _read(status: int, headers: Mapping[str, str], text: bytes, by_store: bool) -> Any:
    """The JSON of an answer; raises what it complains of."""
    value, readable = None, True
    try:
        value = json.loads(text) if text else None
    except ValueError:
        readable = False
    if readable and (200 <= status < 300 or status == 304):
        return value
    is_ours = headers.get("content-type", "").startswith("application/problem+json")
    from_store = by_store and not is_ours
    if isinstance(value, dict) and isinstance(value.get("code"), str) and (is_ours or from_store):
        raise CartkeyError(status, value, headers, from_store)
    detail = f"The answer with status {status} cannot be read."
    raise CartkeyError(status, {"code": "unexpected_answer", "detail": detail}, headers, from_store)


_TOLERANCE = 300  # seconds by which a webhook's time may be off


def verify_webhook(secret: str, headers: Mapping[str, str], body: bytes | str) -> Event:
    """Returns the event of a webhook, or raises a CartkeyError (`webhook_refused`) if it is not from Cartkey. `body` is exactly what
    was received, before anything has parsed it; `secret` begins with `whsec_`."""
    try:
        key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else b""
    except ValueError:
        key = b""
    if len(key) < 16:
        raise ValueError("a webhook's secret begins with whsec_")
    given = {name.lower(): value for name, value in headers.items()}
    id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not id or not re.fullmatch("[0-9]{1,12}", timestamp):
        _refuse("The webhook has no ID or no time.")
    if abs(time.time() - int(timestamp)) > _TOLERANCE:
        _refuse("The webhook's time is off by more than five minutes.")
    body = body.encode() if isinstance(body, str) else body
    expected = base64.b64encode(hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest())
    signed = [one[3:].encode() for one in given.get("webhook-signature", "").split(" ") if one.startswith("v1,")]
    if not any([hmac.compare_digest(one, expected) for one in signed]):
        _refuse("No signature of the webhook is right.")
    return cast(Event, json.loads(body))


def _refuse(detail: str) -> NoReturn:
    raise CartkeyError(400, {"code": "webhook_refused", "detail": detail})


def _keyed(key: str | None) -> Dict[str, str]:
    return {"Idempotency-Key": key} if key else {}


def _path(*segments: str) -> str:
    """A path of encoded segments. `.` and `..` would lead elsewhere."""
    if any(segment in ("", ".", "..") for segment in segments):
        raise ValueError("an ID or a part of a route is empty or only dots")
    return "/".join(urllib.parse.quote(segment, safe="") for segment in segments)


def _seconds(value: str | None) -> int | None:
    """The value of Retry-After, a number of seconds or a date."""
    if not value:
        return None
    try:
        after = int(value) if value.isdigit() else math.ceil(parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
    return max(after, 0)
