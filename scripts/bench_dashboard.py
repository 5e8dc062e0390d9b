"""Requests the dashboard's pages many times and prints how long they take: bench_dashboard.py PORT STORE_ID TIMES."""
import http.client
import re
import sys
import time
import urllib.parse

port, store, times = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
origin = f"http://localhost:{port}"
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)


def ask(method, path, body=None, cookie=None, whole=True):
    headers = {"host": f"localhost:{port}", "sec-fetch-site": "same-origin", "origin": origin}
    if body is not None:
        body = urllib.parse.urlencode(body)
        headers["content-type"] = "application/x-www-form-urlencoded"
    if cookie:
        headers["cookie"] = cookie
    began = time.perf_counter()
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    first = answer.read(1)
    to_first = time.perf_counter() - began
    rest = answer.read()
    took = time.perf_counter() - began
    return answer, (first + rest).decode("utf-8", "replace"), took if whole else to_first


_, page, _ = ask("GET", "/admin/sign-in")
fields = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
answer, page, _ = ask("POST", "/admin/sign-in", {**fields, "name": "bench", "password": "quiet otters count stores"})
if answer.status != 303:
    sys.exit(f"signing in: {answer.status} {page[:2000]}")
cookie = answer.headers["set-cookie"].split(";")[0]


def deep(path, pages):
    """The address of the page this many pages further on."""
    for _ in range(pages):
        _, page, _ = ask("GET", path, cookie=cookie)
        following = re.search(r'<a[^>]*href="([^"]+)"[^>]*rel="next"', page)
        if not following:
            break
        path = following.group(1).replace("&amp;", "&")
    return path


far = 20 if times == 1 else 200
stores = "/admin/stores"
orders = {"changed": "", "connected": "connected", "address": "address", "unchecked": "unchecked"}
# Every kind of search, with how often it hits among the stores of bench_dashboard_seed.
searches = {
    "in all": "merchant",
    "two in all": "merchant example",
    "8 %": "shop",
    "8 %, accented": "café",
    "part of a word, 8 %": "arbou",
    "two of 8 %": "harbour coffee",
    "two of 8 %, never together": "harbour nordic",
    "rare": "merchant-4711",
    "in all and rare": "merchant 4711",
    "part of a number's name": "shop-47",
    "pasted address": "https://www.harbour-shop-4711.example/wp-admin",
    "store ID": store,
    "two letters, 8 %": "no",
    "two letters, none": "qx",
    "a letter, none": "q",
    "a number": "4711",
    "punctuation": "%",
    "none": "saucers",
    "none, of common parts": "merchart",
    "six words": "merchant example harbour shop our hop",
}
filters = {
    "status: connected": "status=connected",
    "status: unauthorized": "status=unauthorized",
    "status: unreachable": "status=unreachable",
    "status: disconnected": "status=disconnected",
    "reason: key_rejected": "reason=key_rejected",
    "reason: any": "reason=any",
    "connected with a warning": "status=connected&reason=any",
    "scope: write (rare)": "scope=write",
    "scope: read (a quarter)": "scope=read",
    "scope: read, connected": "scope=read&status=connected",
    "in all, connected": "q=merchant&status=connected",
    "in all, any reason": "q=merchant&reason=any",
    "8 %, a quarter": "q=shop&scope=read",
    "8 %, unauthorized": "q=shop&status=unauthorized",
    "two letters, disconnected": "q=no&status=disconnected",
    "all filters": "q=shop&status=unauthorized&reason=role_lost&scope=read",
}
searches = {f"search {name}": urllib.parse.urlencode({"q": q}) for name, q in searches.items()}
pages = [("overview", "/admin")]
for name, query in {"stores": "", **filters, **searches}.items():
    for order, sort in orders.items():
        path = f"{stores}?{query}" + (f"&sort={sort}" if sort else "")
        pages.append((f"{name}, by {order}", path))
pages += [
    (f"stores, page {far + 1}", deep(stores, far)),
    ("search 8 %, page 21", deep(f"{stores}?q=shop", 20)),
    ("search in all, page 21, by address", deep(f"{stores}?q=merchant&sort=address", 20)),
    ("store", f"/admin/stores/{store}"),
    ("activity", "/admin/activity"),
    ("activity of a group", "/admin/activity?group=stores"),
    ("activity of a merchant", "/admin/activity?user_id=merchant-7"),
    ("links", "/admin/links"),
    ("links of a state", "/admin/links?state=open"),
    ("service tokens", "/admin/tokens"),
    ("webhooks", "/admin/webhooks"),
    ("CSV, first byte", "/admin/stores.csv"),
]
print(f"{'page':50} {'median':>9} {'p99':>9}")
slow = []
for name, path in pages:
    csv = ".csv" in path
    n = max(1, min(times, 20)) if csv else times
    taken = []
    for _ in range(n):
        answer, body, took = ask("GET", path, cookie=cookie, whole=not csv)
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status}")
        taken.append(took * 1000)
    taken.sort()
    median, p99 = taken[len(taken) // 2], taken[min(len(taken) - 1, int(len(taken) * 0.99))]
    print(f"{name:50} {median:6.1f} ms {p99:6.1f} ms", flush=True)
    if p99 > (40 if path == "/admin" else 20):
        slow.append(name)
print(f"above 20 ms (overview 40 ms) at the 99th percentile: {', '.join(slow) or 'none'}")
