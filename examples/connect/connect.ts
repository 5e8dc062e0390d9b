// Connects a merchant's WooCommerce store through Cartkey, then uses it. Node 18 or newer, nothing to install; Node 22.18 and
// newer run it as is; for older versions, strip the types first (npx tsc, esbuild, tsx).
//
//   export CARTKEY=http://127.0.0.1:8090 TOKEN=cartkey_… RETURN_URL=https://app.example.com/connected
//   node connect.ts link merchant-42                     # prints the address to send the merchant to
//   node connect.ts came-back RETURNED_TO merchant-42    # the address they returned to, and the signed-in user
//   node connect.ts orders merchant-42                   # calls their store
//   node connect.ts follow                               # prints events as they happen

import { createHmac, randomBytes } from "node:crypto";

type Store = { id: string; url: string; status: string; reason: string | null };
type Keys = {
  store_id: string;
  api_url: string;
  consumer_key: string | null;
  consumer_secret: string | null;
  username: string | null;
  password: string | null;
  auth_method: "basic" | "query" | "oauth1" | "oauth1_http" | "application_password";
  notes: string[];
};
type Event = { id: string; type: string; data: { store_id?: string } };

const { CARTKEY, TOKEN, RETURN_URL } = process.env;

/** A problem that Cartkey reports: match on `code`. */
class Problem extends Error {
  code: string;

  constructor(problem: { code: string; detail: string }) {
    super(`${problem.code}: ${problem.detail}`);
    this.code = problem.code;
  }
}

async function cartkey(method: string, path: string, body?: object, more: Record<string, string> = {}): Promise<Response> {
  const headers = { Authorization: `Bearer ${TOKEN}`, ...more };
  const answer = await fetch(CARTKEY + path, { method, headers, body: body && JSON.stringify(body) });
  if (answer.status >= 400) throw new Problem((await answer.json()) as { code: string; detail: string });
  return answer;
}

/** 1. Creates a link for the merchant who is signed in to your application. Send them to its address. */
async function makeLink(userId: string): Promise<string> {
  const answer = await cartkey("POST", "/api/v1/links", { user_id: userId, return_url: RETURN_URL, confirm: "app" });
  return ((await answer.json()) as { url: string }).url;
}

/** 2. The merchant's browser has returned. State who is signed in: if the link is someone else's, Cartkey connects nothing. */
async function cameBack(returnedTo: string, signedIn: string): Promise<Store | null> {
  const query = new URL(returnedTo).searchParams;
  if (query.get("status") !== "awaiting_confirmation") return null;
  const path = `/api/v1/attempts/${encodeURIComponent(query.get("attempt_id") ?? "")}/confirm`;
  return (await (await cartkey("POST", path, { code: query.get("code"), user_id: signedIn })).json()) as Store;
}

const remembered = new Map<string, { etag: string; keys: Keys }>();

/** 3. Fetches the store's keys. Call it whenever you need them: while they are unchanged, the response is a short 304. */
async function keysOf(userId: string): Promise<Keys> {
  const known = remembered.get(userId);
  const path = `/api/v1/users/${encodeURIComponent(userId)}/keys`;
  const answer = await cartkey("GET", path, undefined, known ? { "If-None-Match": known.etag } : {});
  if (known && answer.status === 304) return known.keys;
  const keys = (await answer.json()) as Keys;
  remembered.set(userId, { etag: answer.headers.get("etag") ?? "", keys });
  return keys;
}

/** 4. Sends a GET to the store's REST API, with the key as this store accepts it. */
async function askStore(keys: Keys, path: string, query: Record<string, string> = {}): Promise<Response> {
  // A store with plain permalinks has the path in a parameter.
  const [url, inUrl] = (keys.api_url + path).split("?");
  query = { ...Object.fromEntries(new URLSearchParams(inUrl)), ...query };
  const headers: Record<string, string> = { "User-Agent": "my-app/1.0", Accept: "application/json" };
  const method = keys.auth_method;
  // An application password of WordPress: user name and password take the places of key and secret.
  const key = keys.consumer_key ?? keys.username ?? "";
  const secret = keys.consumer_secret ?? keys.password ?? "";
  if (method === "basic" || method === "application_password") {
    headers.Authorization = `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`;
  } else if (method === "query") {
    query = { ...query, consumer_key: key, consumer_secret: secret };
  } else {
    // The store's PHP does not see https: send over https, sign as http.
    const signed = method === "oauth1_http" ? url.replace(/^https:/, "http:") : url;
    query = { ...query, ...oauth(signed, query, key, secret) };
  }
  // Redirects are not followed: a key is for its own store only.
  return fetch(`${url}?${new URLSearchParams(query)}`, { headers, redirect: "manual" });
}

/** OAuth 1.0a (RFC 5849) as WooCommerce expects it: one-legged, in the query, HMAC-SHA256. */
function oauth(url: string, query: Record<string, string>, key: string, secret: string): Record<string, string> {
  const own = {
    oauth_consumer_key: key,
    oauth_nonce: randomBytes(16).toString("hex"),
    oauth_signature_method: "HMAC-SHA256",
    oauth_timestamp: String(Math.floor(Date.now() / 1000)),
  };
  const quote = (text: string) =>
    encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const pairs = Object.entries({ ...query, ...own }).map(([name, value]) => `${quote(name)}=${quote(value)}`);
  const base = ["GET", quote(url.replace(/\/$/, "")), quote(pairs.sort().join("&"))].join("&");
  return { ...own, oauth_signature: createHmac("sha256", `${secret}&`).update(base).digest("base64") };
}

/** Parses the store's JSON, also among PHP notices and comments (`notes`: json_has_noise): the first object or list of objects. */
function readJson(text: string): unknown {
  const ends = [...text.matchAll(/[\]}]/g)].map((end) => end.index + 1).reverse();
  for (const { index: start } of text.matchAll(/[[{]/g)) {
    for (const end of ends.filter((end) => end > start)) {
      try {
        const value: unknown = JSON.parse(text.slice(start, end));
        if (!Array.isArray(value) || value.every((each) => typeof each === "object")) return value;
      } catch {
        // Not JSON: try the next part of the text.
      }
    }
  }
  throw new Error("the store did not answer with JSON");
}

async function orders(userId: string): Promise<string> {
  const keys = await keysOf(userId);
  const answer = await askStore(keys, "/orders", { per_page: "10" });
  if (answer.status === 401 || answer.status === 403) {
    // 5. Report it to Cartkey, which checks the store itself and returns the reason.
    const store = (await (await cartkey("POST", `/api/v1/stores/${keys.store_id}/check`)).json()) as Store;
    throw new Error(`the store refused: ${store.status}, ${store.reason}`);
  }
  if (!answer.ok) throw new Error(`the store answered ${answer.status}`);
  const found = readJson(await answer.text()) as unknown[];
  return `${found.length} orders, by ${(await keysOf(userId)).auth_method}`;
}

/** 6. Prints all events, in order, with no gaps. Store `next` to continue there after a restart. */
async function follow(after = "latest"): Promise<never> {
  for (;;) {
    const answer = await cartkey("GET", `/api/v1/events?after=${after}&wait=20`);
    const news = (await answer.json()) as { data: Event[]; next: string };
    for (const event of news.data) console.log(event.id, event.type, event.data.store_id ?? "");
    after = news.next;
  }
}

async function main(command: string, ...[first, second]: string[]): Promise<void> {
  if (command === "link") console.log(await makeLink(first));
  if (command === "came-back") {
    const store = await cameBack(first, second);
    console.log(store ? `connected ${store.id} ${store.url}` : "not connected");
  }
  if (command === "orders") console.log(await orders(first));
  if (command === "follow") await follow(first);
}

main(...(process.argv.slice(2) as [string, ...string[]])).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
