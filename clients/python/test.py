"""Run by ../test against a running Cartkey and a pretend store."""

import base64
import hashlib
import hmac
import os
import secrets
import subprocess
import time
import traceback
import unittest
from urllib.parse import parse_qs, urlsplit

from cartkey import Cartkey, CartkeyError, verify_webhook

CARTKEY, TOKEN, RETURN_URL, ODD = (os.environ[name] for name in ("CARTKEY", "TOKEN", "RETURN_URL", "ODD"))
USER = "merchant/python?"


class Test(unittest.TestCase):
    def refusal(self, act, *arguments, **named):
        with self.assertRaises(CartkeyError) as caught:
            act(*arguments, **named)
        return caught.exception

    def test_the_whole_way(self):
        cartkey = Cartkey(CARTKEY, TOKEN)
        link = cartkey.make_link(USER, account_label="Jane’s Shop", return_url=RETURN_URL, confirm="app")
        self.assertIsNone(link["warning"])
        one, same = (cartkey.make_link(USER, idempotency_key="py-1") for _ in range(2))
        self.assertEqual(one, same)
        self.assertIsNone(cartkey.get_link(link["id"])["attempt"])
        returned_to = subprocess.check_output([os.environ["MERCHANT"], "connect", link["url"]], text=True).strip()
        code = parse_qs(urlsplit(returned_to).query)["code"][0]

        error = self.refusal(cartkey.came_back, returned_to, "somebody-else")
        self.assertEqual((error.status, error.code), (409, "other_user"))
        self.assertRegex(error.request_id, "^rq_")
        text = "".join(traceback.format_exception(error))
        self.assertFalse(TOKEN in text or code in text, text)
        store = cartkey.came_back(returned_to, USER)
        self.assertEqual((store["status"], store["user_id"]), ("connected", USER))
        error = self.refusal(cartkey.came_back, returned_to, USER)
        self.assertEqual(error.code, "code_spent")
        self.assertRegex(error.problem["attempt_url"], "^http")
        self.assertIsNone(cartkey.came_back(RETURN_URL + "?status=denied", USER))
        self.assertEqual(cartkey.get_link(link["id"])["attempt"]["status"], "connected")
        self.assertEqual(cartkey.list_stores(user_id=USER)["data"], [cartkey.get_store(store["id"])])
        self.assertEqual(cartkey.check_store(store["id"])["status"], "connected")

        # The second time is a 304, which ../test counts in Cartkey's log.
        keys = cartkey.get_keys_of_user(USER)
        self.assertRegex(keys["consumer_secret"], "^cs_")
        keys["notes"].append("changed by the caller")
        self.assertEqual(cartkey.get_keys_of_user(USER)["notes"], [])
        self.assertEqual(cartkey.get_keys_of_store(store["id"])["consumer_key"], keys["consumer_key"])
        for _ in range(2):
            first, second = cartkey.get_several_keys(user_ids=[USER, "nobody"])["data"]
            self.assertEqual(first["keys"]["consumer_key"], keys["consumer_key"])
            self.assertEqual((second["keys"], second["problem"]["code"]), (None, "not_found"))

        orders = cartkey.call_store_of_user(USER, "GET", "wc/v3/orders", query={"per_page": 1})
        self.assertEqual((orders.status, orders.body, orders.total), (200, [], None))
        made = cartkey.call_store(store["id"], "POST", "/wc/v3/products", body={"name": "Müsli"})
        self.assertEqual((made.status, made.body["name"]), (201, "Blue cup"))
        error = self.refusal(cartkey.call_store, store["id"], "GET", "wc/v3/nothing")
        self.assertEqual((error.status, error.code, error.from_store), (404, "rest_no_route", True))
        error = self.refusal(cartkey.call_store, store["id"], "GET", "wp/v2/users")
        self.assertEqual((error.status, error.from_store), (404, False))
        self.assertRaises(ValueError, cartkey.call_store, store["id"], "GET", "wc/../../../../links")
        self.assertRaises(ValueError, cartkey.get_keys_of_user, "..")

        until = time.monotonic() + 60
        for part in cartkey.follow_events("ev_0000000000000000"):
            if any(event["type"] == "store.connected" and event["data"].get("store_id") == store["id"] for event in part["data"]):
                break
            self.assertLess(time.monotonic(), until)

    def test_errors(self):
        error = self.refusal(Cartkey(CARTKEY, "cartkey_wrong").get_store, "st_1")
        self.assertEqual(error.status, 401)
        self.assertNotIn("cartkey_wrong", "".join(traceback.format_exception(error)))
        with self.assertRaises(ValueError) as caught:
            Cartkey(CARTKEY, "cartkey_wrong\n")
        self.assertNotIn("cartkey_wrong", str(caught.exception))
        error = self.refusal(Cartkey("http://127.0.0.1:1", TOKEN).get_store, "st_1")
        self.assertEqual((error.status, error.code), (0, "no_answer"))
        error = self.refusal(Cartkey(ODD + "/busy", TOKEN).get_store, "st_1")
        self.assertEqual((error.status, error.code, error.retry_after), (503, "unavailable", 7))
        for way, status in (("elsewhere", 302), ("broken", 502)):
            error = self.refusal(Cartkey(f"{ODD}/{way}", TOKEN).get_store, "st_1")
            self.assertEqual((error.status, error.code), (status, "unexpected_answer"))
        echo = Cartkey(ODD + "/echo/", TOKEN).call_store_of_user(
            USER, "GET", "wc/v3/orders/a?b", query={"search": "a&b c", "decimal": True, "page": None}, idempotency_key="one")
        path = "/echo/api/v1/users/merchant%2Fpython%3F/wp-json/wc/v3/orders/a%3Fb?search=a%26b+c&decimal=true"
        self.assertEqual((echo.total, echo.total_pages, echo.body), (37, 8, {"path": path, "idempotency_key": "one"}))
        interrupted = next(Cartkey(ODD + "/flaky-python", TOKEN).follow_events())
        self.assertEqual(interrupted["next"], "ev_0000000000000001")

    def test_webhooks(self):
        key, body = secrets.token_bytes(24), '{"id":"ev_0000000000000042","type":"store.connected","data":{}}'
        secret, now = "whsec_" + base64.b64encode(key).decode(), int(time.time())

        def signed(text, timestamp=now, by=key):
            signature = hmac.new(by, f"ev_0000000000000042.{timestamp}.{text}".encode(), hashlib.sha256).digest()
            return {"Webhook-Id": "ev_0000000000000042", "webhook-timestamp": str(timestamp),
                    "webhook-signature": "v1," + base64.b64encode(signature).decode()}

        self.assertEqual(verify_webhook(secret, signed(body), body)["id"], "ev_0000000000000042")
        two = signed(body)
        two["webhook-signature"] = f"v1,AAAA v2,x {two['webhook-signature']}"
        self.assertEqual(verify_webhook(secret, two, body.encode())["type"], "store.connected")
        verify_webhook(secret, signed(body, now - 290), body)
        forged = [signed(body + " "), signed(body, by=secrets.token_bytes(24)), signed(body, now - 310), signed(body, now + 310),
                  {**signed(body), "webhook-signature": ""}, {}]
        for headers in forged:
            self.assertEqual(self.refusal(verify_webhook, secret, headers, body).code, "webhook_refused")
        self.assertRaises(ValueError, verify_webhook, "whsec_", signed(body, by=b""), body)


if __name__ == "__main__":
    unittest.main()
