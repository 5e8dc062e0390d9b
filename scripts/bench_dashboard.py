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
pages = [
    ("overview", "/admin"),
    ("stores", "/admin/stores"),
    (f"stores, page {far + 1}", deep("/admin/stores", far)),
    ("stores, by address", "/admin/stores?sort=address"),
    ("stores, last connected", "/admin/stores?sort=connected"),
    ("stores, longest without a check", "/admin/stores?sort=unchecked"),
    ("search: common word", "/admin/stores?q=shop"),
    ("search: common, page 21", deep("/admin/stores?q=shop", 20)),
    ("search: all merchants", "/admin/stores?q=merchant"),
    ("search: rare word", "/admin/stores?q=merchant-4711"),
    ("search: two common words", "/admin/stores?q=harbour+coffee"),
    ("search: common words never together", "/admin/stores?q=harbour+nordic"),
    ("search: pasted address", "/admin/stores?q=https%3A%2F%2Fwww.harbour-shop-4711.example%2Fwp-admin"),
    ("search: nothing", "/admin/stores?q=saucers"),
    ("search: common, by address", "/admin/stores?q=shop&sort=address"),
    ("status: connected", "/admin/stores?status=connected"),
    ("status: connected, by address", "/admin/stores?status=connected&sort=address"),
    ("status: unauthorized", "/admin/stores?status=unauthorized"),
    ("status: unauthorized, by address", "/admin/stores?status=unauthorized&sort=address"),
    ("reason: key_rejected", "/admin/stores?reason=key_rejected"),
    ("connected with a warning", "/admin/stores?status=connected&reason=any"),
    ("scope: write (rare)", "/admin/stores?scope=write"),
    ("scope: read (common)", "/admin/stores?scope=read"),
    ("all filters", "/admin/stores?q=shop&status=unauthorized&reason=role_lost&scope=read&sort=unchecked"),
    ("store", f"/admin/stores/{store}"),
    ("activity", "/admin/activity"),
    ("links", "/admin/links"),
    ("service tokens", "/admin/tokens"),
    ("CSV, first byte", "/admin/stores.csv"),
]
print(f"{'page':38} {'median':>9} {'p99':>9}")
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
    print(f"{name:38} {median:6.1f} ms {p99:6.1f} ms", flush=True)
