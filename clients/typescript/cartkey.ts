// A client for Cartkey's service API. No dependencies: Node 18 or newer. The types are written by hand from the OpenAPI
// description; methods and members are named as there.

import { createHmac, timingSafeEqual } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

export type Scope = "read" | "write" | "read_write";
export type NewLink = {
  user_id: string;
  account_label?: string;
  store_url?: string;
  store_id?: string;
  scope?: Scope;
  return_url?: string;
  confirm?: "browser" | "app";
  /** In seconds; by default 1800. */
  expires_in?: number;
};
export type MadeLink = { id: string; url: string; user_id: string; expires_at: string; warning: string | null };
export type AttemptStatus = "open" | "received" | "proving" | "awaiting_confirmation" | "connected" | "denied" | "failed" | "expired";
export type LinkAttempt = { id: string; status: AttemptStatus; reason: string | null; store_id: string | null };
export type Link = {
  id: string;
  user_id: string;
  account_label: string | null;
  store_url: string | null;
  store_id: string | null;
  scope: Scope;
  return_url: string | null;
  confirm: "browser" | "app";
  created_at: string;
  expires_at: string;
  withdrawn_at: string | null;
  attempt: LinkAttempt | null;
};
export type AuthMethod = "basic" | "query" | "oauth1" | "oauth1_http" | "application_password";
export type StoreStatus = "connected" | "unauthorized" | "unreachable" | "disconnected";
export type Store = {
  id: string;
  user_id: string;
  url: string;
  name: string | null;
  status: StoreStatus;
  reason: string | null;
  scope: Scope | "owner";
  key_id: number;
  key_last7: string;
  key_version: number;
  auth_method: AuthMethod;
  woocommerce_version: string | null;
  wordpress_version: string | null;
  moved_to: string | null;
  connected_at: string;
  checked_at: string;
  changed_at: string;
};
export type StoreList = { data: Store[]; next_cursor: string | null };
export type Keys = {
  store_id: string;
  user_id: string;
  store_url: string;
  api_url: string;
  consumer_key: string | null;
  consumer_secret: string | null;
  username: string | null;
  password: string | null;
  permissions: Scope | "owner";
  auth_method: AuthMethod;
  notes: string[];
  key_version: number;
  issued_at: string;
};
export type Problem = { code: string; detail: string; status: number; request_id?: string; [member: string]: unknown };
export type WantedKeys = { store_ids: string[] } | { user_ids: string[] };
/** Exactly one of `keys` and `problem` is not null. */
export type KeysOrProblem = { id: string; keys: Keys | null; problem: Problem | null };
export type SeveralKeys = { data: KeysOrProblem[] };
export type Event = {
  id: string;
  type: string;
  timestamp: string;
  data: { user_id?: string; store_id?: string; link_id?: string; attempt_id?: string; reason?: string; actor?: string; [member: string]: unknown };
  /** The API path of the store, link, webhook or token that the event is about. */
  related?: string;
};
export type EventList = { data: Event[]; next: string };

export type Query = Record<string, string | number | boolean | undefined>;
/** `total` and `total_pages` are those of a list, otherwise null. */
export type StoreAnswer<T> = { status: number; headers: Headers; total: number | null; total_pages: number | null; body: T };
export type StoreCall = { query?: Query; body?: unknown; idempotencyKey?: string; signal?: AbortSignal };

/** The one error of this client. Match on `code`. Its text never contains a secret. */
export class CartkeyError extends Error {
  override readonly name = "CartkeyError";
  /** The HTTP status; 0 if there was no answer. */
  readonly status: number;
  /** Cartkey's stable code, the store's own if `fromStore`, or one of this client: `no_answer`, `unexpected_answer`, `webhook_refused`. */
  readonly code: string;
  readonly detail: string;
  readonly requestId: string | null;
  /** When to try again, in seconds. */
  readonly retryAfter: number | null;
  /** Whether the store answered this itself. */
  readonly fromStore: boolean;
  /** The problem with all its members, such as `attempt_url` or `reason`. */
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(status: number, problem: Record<string, unknown>, headers?: Headers, fromStore = false) {
    const code = String(problem.code), detail = String(problem.detail ?? problem.message ?? "");
    const requestId = headers?.get("cartkey-request-id") ?? null;
    super(`${code}: ${detail}${requestId ? ` (${requestId})` : ""}`);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.requestId = requestId;
    this.retryAfter = seconds(headers?.get("retry-after"));
    this.fromStore = fromStore;
    this.problem = problem;
  }
}

type Options = { query?: Query; body?: unknown; headers?: Record<string, string>; timeout?: number; signal?: AbortSignal | undefined };
type Answer = { status: number; headers: Headers; json: unknown };

/** The most entries in the cache of keys. */
const CACHED = 1000;

export class Cartkey {
  readonly #url: string;
  readonly #token: string;
  /** ETags and keys by request. Each use asks Cartkey whether they are current. */
  readonly #cache = new Map<string, { etag: string; json: unknown }>();

  /** `url` is Cartkey's address without `/api/v1`, `token` a service token. */
  constructor(url: string, token: string) {
    // The token must not be in an error's text: fetch would quote one that cannot be sent.
    if (!url || !/^[!-~]+$/.test(token)) throw new TypeError("Cartkey needs its address and a service token without spaces");
    this.#url = url.replace(/\/+$/, "") + "/api/v1/";
    this.#token = token;
  }

  /** Creates a link for the user who is signed in to your application. Send them to its `url`. Called again with the same `idempotencyKey`, it returns the same link. */
  async makeLink(newLink: NewLink, idempotencyKey?: string): Promise<MadeLink> {
    return (await this.#ask("POST", "links", { body: newLink, headers: keyed(idempotencyKey) })) as MadeLink;
  }

  async getLink(id: string): Promise<Link> {
    return (await this.#ask("GET", path("links", id))) as Link;
  }

  /** `userId` is who is signed in to your application now, taken from your session. */
  async confirmAttempt(id: string, code: string, userId: string, idempotencyKey?: string): Promise<Store> {
    return (await this.#ask("POST", path("attempts", id, "confirm"), { body: { code, user_id: userId }, headers: keyed(idempotencyKey) })) as Store;
  }

  /** Confirms what the address says to which the merchant's browser returned; null if there is nothing to confirm. */
  async cameBack(returnedTo: string, signedIn: string): Promise<Store | null> {
    const said = new URL(returnedTo, "http://localhost").searchParams;
    if (said.get("status") !== "awaiting_confirmation") return null;
    return this.confirmAttempt(said.get("attempt_id") ?? "", said.get("code") ?? "", signedIn);
  }

  /** Call it whenever you need keys: while they are unchanged, the response is a short 304. */
  async getKeysOfUser(userId: string, storeUrl?: string): Promise<Keys> {
    return (await this.#cached("GET", path("users", userId, "keys"), { query: { store_url: storeUrl } })) as Keys;
  }

  async getKeysOfStore(id: string): Promise<Keys> {
    return (await this.#cached("GET", path("stores", id, "keys"))) as Keys;
  }

  /** The keys of up to 500 stores; an entry has `keys` or a `problem`. */
  async getSeveralKeys(wanted: WantedKeys): Promise<SeveralKeys> {
    return (await this.#cached("POST", "keys", { body: wanted })) as SeveralKeys;
  }

  /** Sends a request to a store with its key, which never leaves Cartkey. `route` begins with a namespace: `wc/v3/orders`. */
  callStore<T = unknown>(id: string, method: string, route: string, call: StoreCall = {}): Promise<StoreAnswer<T>> {
    return this.#call("stores", id, method, route, call);
  }

  /** The same by merchant. If they have several stores, add `store_url` to the query. */
  callStoreOfUser<T = unknown>(userId: string, method: string, route: string, call: StoreCall = {}): Promise<StoreAnswer<T>> {
    return this.#call("users", userId, method, route, call);
  }

  async listStores(query: { user_id?: string; status?: StoreStatus; q?: string; limit?: number; cursor?: string } = {}): Promise<StoreList> {
    return (await this.#ask("GET", "stores", { query })) as StoreList;
  }

  async getStore(id: string): Promise<Store> {
    return (await this.#ask("GET", path("stores", id))) as Store;
  }

  /** Reports a 401 or 403 of a store: Cartkey checks it and returns its state. */
  async checkStore(id: string): Promise<Store> {
    return (await this.#ask("POST", path("stores", id, "check"), { timeout: 120 })) as Store;
  }

  /** One part of the feed. With `wait`, an empty one is held back for so many seconds, at most 30. */
  async readEvents(query: { after?: string; limit?: number; wait?: number } = {}, signal?: AbortSignal): Promise<EventList> {
    return (await this.#ask("GET", "events", { query, signal, timeout: 30 + (query.wait ?? 0) })) as EventList;
  }

  /** All events from now on, or after the one with this ID. Store `next` with your results. Goes on after interruptions. */
  async *followEvents(after = "latest", signal?: AbortSignal): AsyncGenerator<EventList, never> {
    for (let pause = 1; ; ) {
      try {
        const part = await this.readEvents({ after, wait: 30 }, signal);
        pause = 1;
        if (part.next === after) continue;
        after = part.next;
        yield part;
      } catch (error) {
        if (!(error instanceof CartkeyError && [0, 429, 502, 503, 504].includes(error.status))) throw error;
        await sleep(1000 * (error.retryAfter ?? pause), undefined, signal ? { signal } : {});
        pause = Math.min(2 * pause, 60);
      }
    }
  }

  async #call<T>(kind: string, id: string, method: string, route: string, call: StoreCall): Promise<StoreAnswer<T>> {
    const { idempotencyKey, ...options } = call;
    const headers = keyed(idempotencyKey);
    // A store has a minute to begin its answer, after its turn has come.
    const to = path(kind, id, "wp-json", ...route.replace(/^\/+/, "").split("/"));
    const answer = await this.#send(method, to, { ...options, headers, timeout: 120 });
    const count = (name: string) => (answer.headers.has(name) ? Number(answer.headers.get(name)) : null);
    const { status, headers: answered, json } = answer;
    return { status, headers: answered, total: count("x-wp-total"), total_pages: count("x-wp-totalpages"), body: json as T };
  }

  async #ask(method: string, to: string, options: Options = {}): Promise<unknown> {
    return (await this.#send(method, to, options)).json;
  }

  async #cached(method: string, to: string, options: Options = {}): Promise<unknown> {
    const name = JSON.stringify([to, options.query, options.body]);
    const known = this.#cache.get(name);
    const headers: Record<string, string> = known ? { "if-none-match": known.etag } : {};
    const answer = await this.#send(method, to, { ...options, headers }).catch((error) => {
      if (error instanceof CartkeyError && [403, 404, 409].includes(error.status)) this.#cache.delete(name);
      throw error;
    });
    const fresh = answer.status === 304 && known ? known : { etag: answer.headers.get("etag") ?? "", json: answer.json };
    this.#cache.delete(name); // the last entry is the one used last
    if (fresh.etag) this.#cache.set(name, fresh);
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= CACHED) break;
      this.#cache.delete(oldest);
    }
    return structuredClone(fresh.json);
  }

  async #send(method: string, to: string, options: Options): Promise<Answer> {
    const url = new URL(this.#url + to);
    for (const [name, value] of Object.entries(options.query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value));
    const headers: Record<string, string> = { ...options.headers, authorization: `Bearer ${this.#token}`, accept: "application/json" };
    if (options.body !== undefined) headers["content-type"] = "application/json";
    const stop = new AbortController();
    const abort = () => stop.abort(options.signal?.reason);
    options.signal?.throwIfAborted();
    options.signal?.addEventListener("abort", abort);
    const timer = setTimeout(() => stop.abort(new DOMException("", "TimeoutError")), 1000 * (options.timeout ?? 30));
    let response: Response, text: string;
    try {
      response = await fetch(url, {
        method,
        headers,
        redirect: "manual", // the token is for Cartkey only
        signal: stop.signal,
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      });
      text = await response.text();
    } catch (error) {
      options.signal?.throwIfAborted();
      const { name, cause } = error as Error & { cause?: { code?: string } };
      throw new CartkeyError(0, { code: "no_answer", detail: `No answer from ${url.host}: ${cause?.code ?? name}.` });
    } finally {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", abort);
    }
    let json: unknown = null, readable = true;
    try {
      if (text) json = JSON.parse(text);
    } catch {
      readable = false;
    }
    if (readable && (response.ok || response.status === 304)) return { status: response.status, headers: response.headers, json };
    const isOurs = response.headers.get("content-type")?.startsWith("application/problem+json") ?? false;
    const fromStore = !isOurs && to.includes("/wp-json/");
    const problem = json as Record<string, unknown> | null;
    if (typeof problem?.code === "string" && (isOurs || fromStore)) throw new CartkeyError(response.status, problem, response.headers, fromStore);
    const detail = `The answer with status ${response.status} cannot be read.`;
    throw new CartkeyError(response.status, { code: "unexpected_answer", detail }, response.headers, fromStore);
  }
}

/** How far a webhook's time may be off, in seconds. */
const TOLERANCE = 300;

/**
 * Returns the event of a webhook, or throws a CartkeyError (`webhook_refused`) if it is not from Cartkey. `body` is exactly what
 * was received, before anything has parsed it; `secret` begins with `whsec_`.
 */
export function verifyWebhook(secret: string, headers: Headers | Record<string, string | string[] | undefined>, body: string | Uint8Array): Event {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  if (!secret.startsWith("whsec_") || key.length < 16) throw new TypeError("a webhook's secret begins with whsec_");
  const all = headers instanceof Headers ? [...headers] : Object.entries(headers);
  const header = (name: string) => String(all.find(([other]) => other.toLowerCase() === name)?.[1] ?? "");
  const refuse = (detail: string) => new CartkeyError(400, { code: "webhook_refused", detail });
  const [id, timestamp] = [header("webhook-id"), header("webhook-timestamp")];
  if (!id || !/^\d{1,12}$/.test(timestamp)) throw refuse("The webhook has no ID or no time.");
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE) throw refuse("The webhook's time is off by more than five minutes.");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  const signed = header("webhook-signature").split(" ").filter((one) => one.startsWith("v1,")).map((one) => Buffer.from(one.slice(3), "base64"));
  if (!signed.some((one) => one.length === expected.length && timingSafeEqual(one, expected))) throw refuse("No signature of the webhook is right.");
  return JSON.parse(Buffer.from(body as Uint8Array).toString("utf8")) as Event;
}

const keyed = (key: string | undefined): Record<string, string> => (key ? { "idempotency-key": key } : {});

/** A path of encoded segments. `.` and `..` would lead elsewhere. */
function path(...segments: string[]): string {
  if (segments.some((segment) => ["", ".", ".."].includes(segment))) throw new TypeError("an ID or a part of a route is empty or only dots");
  return segments.map(encodeURIComponent).join("/");
}

/** The value of Retry-After, a number of seconds or a date. */
function seconds(value: string | null | undefined): number | null {
  if (!value) return null;
  const after = /^\d+$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1000);
  return Number.isNaN(after) ? null : Math.max(after, 0);
}
