// Run by ../test against a running Cartkey and a pretend store.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { Cartkey, CartkeyError, verifyWebhook } from "cartkey";

const { CARTKEY, TOKEN, RETURN_URL, MERCHANT, ODD } = process.env as Record<string, string>;
const user = "merchant/typescript?";

/** The error of what must fail. */
async function refusal(act: () => unknown): Promise<CartkeyError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof CartkeyError) return error;
    throw error;
  }
  assert.fail("it was not refused");
}

const cartkey = new Cartkey(CARTKEY!, TOKEN!);
const link = await cartkey.makeLink({ user_id: user, account_label: "Jane’s Shop", return_url: RETURN_URL!, confirm: "app" });
assert.equal(link.warning, null);
assert.equal((await cartkey.getLink(link.id)).attempt, null);
const returnedTo = execFileSync(MERCHANT!, ["connect", link.url], { encoding: "utf8" }).trim();
const code = new URL(returnedTo).searchParams.get("code")!;

let error = await refusal(() => cartkey.cameBack(returnedTo, "somebody-else"));
assert.deepEqual([error.status, error.code], [409, "other_user"]);
assert.match(error.requestId!, /^rq_/);
assert.ok(!`${error.stack}`.includes(TOKEN!) && !`${error.stack}`.includes(code));
const store = (await cartkey.cameBack(returnedTo, user))!;
assert.deepEqual([store.status, store.user_id], ["connected", user]);
error = await refusal(() => cartkey.cameBack(returnedTo, user));
assert.equal(error.code, "code_spent");
assert.match(String(error.problem.attempt_url), /^http/);
assert.equal(await cartkey.cameBack(`${RETURN_URL}?status=denied`, user), null);
assert.equal((await cartkey.getLink(link.id)).attempt?.status, "connected");
assert.deepEqual((await cartkey.listStores({ user_id: user })).data, [await cartkey.getStore(store.id)]);
const [one, same] = [await cartkey.makeLink({ user_id: user }, "ts-1"), await cartkey.makeLink({ user_id: user }, "ts-1")];
assert.deepEqual(same, one);
assert.equal((await cartkey.checkStore(store.id)).status, "connected");

// The second time is a 304, which ../test counts in Cartkey's log.
const keys = await cartkey.getKeysOfUser(user);
assert.match(keys.consumer_secret!, /^cs_/);
keys.notes.push("changed by the caller");
assert.deepEqual((await cartkey.getKeysOfUser(user)).notes, []);
assert.equal((await cartkey.getKeysOfStore(store.id)).consumer_key, keys.consumer_key);
for (const _ of [1, 2]) {
  const [first, second] = (await cartkey.getSeveralKeys({ user_ids: [user, "nobody"] })).data;
  assert.equal(first!.keys!.consumer_key, keys.consumer_key);
  assert.deepEqual([second!.keys, second!.problem!.code], [null, "not_found"]);
}

const orders = await cartkey.callStoreOfUser<unknown[]>(user, "GET", "wc/v3/orders", { query: { per_page: 1 } });
assert.deepEqual([orders.status, orders.body, orders.total], [200, [], null]);
const made = await cartkey.callStore<{ name: string }>(store.id, "POST", "/wc/v3/products", { body: { name: "Müsli" } });
assert.deepEqual([made.status, made.body.name], [201, "Blue cup"]);
error = await refusal(() => cartkey.callStore(store.id, "GET", "wc/v3/nothing"));
assert.deepEqual([error.status, error.code, error.fromStore], [404, "rest_no_route", true]);
error = await refusal(() => cartkey.callStore(store.id, "GET", "wp/v2/users"));
assert.deepEqual([error.status, error.fromStore], [404, false]);
await assert.rejects(cartkey.callStore(store.id, "GET", "wc/../../../../links"), TypeError);
await assert.rejects(cartkey.getKeysOfUser(".."), TypeError);

search: for await (const part of cartkey.followEvents("ev_0000000000000000", AbortSignal.timeout(60_000))) {
  for (const event of part.data) if (event.type === "store.connected" && event.data.store_id === store.id) break search;
}

error = await refusal(() => new Cartkey(CARTKEY!, "cartkey_wrong").getStore(store.id));
assert.equal(error.status, 401);
assert.ok(!String(error.stack).includes("cartkey_wrong"));
assert.throws(() => new Cartkey(CARTKEY!, "cartkey_wrong\n"), (thrown: Error) => !thrown.message.includes("cartkey_wrong"));
error = await refusal(() => new Cartkey("http://127.0.0.1:1", TOKEN!).getStore(store.id));
assert.deepEqual([error.status, error.code], [0, "no_answer"]);
error = await refusal(() => new Cartkey(`${ODD}/busy`, TOKEN!).getStore(store.id));
assert.deepEqual([error.status, error.code, error.retryAfter], [503, "unavailable", 7]);
for (const [way, status] of [["elsewhere", 302], ["broken", 502]] as const) {
  error = await refusal(() => new Cartkey(`${ODD}/${way}`, TOKEN!).getStore(store.id));
  assert.deepEqual([error.status, error.code], [status, "unexpected_answer"]);
}
const echo = await new Cartkey(`${ODD}/echo/`, TOKEN!).callStoreOfUser(user, "GET", "wc/v3/orders/a?b", { query: { search: "a&b c", decimal: true, page: undefined }, idempotencyKey: "one" });
const path = "/echo/api/v1/users/merchant%2Ftypescript%3F/wp-json/wc/v3/orders/a%3Fb?search=a%26b+c&decimal=true";
assert.deepEqual([echo.total, echo.total_pages, echo.body], [37, 8, { path, idempotency_key: "one" }]);
const interrupted = await new Cartkey(`${ODD}/flaky-typescript`, TOKEN!).followEvents().next();
assert.equal(interrupted.value.next, "ev_0000000000000001");

const [key, body] = [randomBytes(24), '{"id":"ev_0000000000000042","type":"store.connected","data":{}}'];
const secret = `whsec_${key.toString("base64")}`;
const signed = (text: string, timestamp = Math.floor(Date.now() / 1000), by = key) => ({
  "Webhook-Id": "ev_0000000000000042",
  "webhook-timestamp": String(timestamp),
  "webhook-signature": "v1," + createHmac("sha256", by).update(`ev_0000000000000042.${timestamp}.${text}`).digest("base64"),
});
assert.equal(verifyWebhook(secret, signed(body), body).id, "ev_0000000000000042");
assert.equal(verifyWebhook(secret, new Headers(signed(body)), Buffer.from(body)).type, "store.connected");
const two = signed(body);
two["webhook-signature"] = `v1,AAAA v2,x ${two["webhook-signature"]}`;
verifyWebhook(secret, two, body);
const now = Math.floor(Date.now() / 1000);
verifyWebhook(secret, signed(body, now - 290), body);
for (const headers of [signed(`${body} `), signed(body, now, randomBytes(24)), signed(body, now - 310), signed(body, now + 310), { ...signed(body), "webhook-signature": "" }, {}]) {
  assert.throws(() => verifyWebhook(secret, headers, body), (thrown) => thrown instanceof CartkeyError && thrown.code === "webhook_refused");
}
assert.throws(() => verifyWebhook("whsec_", signed(body, now, Buffer.alloc(0)), body), TypeError);
