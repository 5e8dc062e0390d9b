<?php

declare(strict_types=1);

namespace Cartkey;

/**
 * A client for Cartkey's service API: PHP 8.1 or newer, no extensions to install. The types are written by hand from the OpenAPI
 * description; methods and members are named as there.
 *
 * @phpstan-type NewLink array{user_id: string, account_label?: string, store_url?: string, store_id?: string, scope?: string, return_url?: string, confirm?: 'browser'|'app', expires_in?: int}
 * @phpstan-type MadeLink array{id: string, url: string, user_id: string, expires_at: string, warning: ?string}
 * @phpstan-type LinkAttempt array{id: string, status: string, reason: ?string, store_id: ?string}
 * @phpstan-type Link array{id: string, user_id: string, account_label: ?string, store_url: ?string, store_id: ?string, scope: string, return_url: ?string, confirm: string, created_at: string, expires_at: string, withdrawn_at: ?string, attempt: ?LinkAttempt}
 * @phpstan-type Store array{id: string, user_id: string, url: string, name: ?string, status: string, reason: ?string, scope: string, key_id: int, key_last7: string, key_version: int, auth_method: string, woocommerce_version: ?string, wordpress_version: ?string, moved_to: ?string, connected_at: string, checked_at: string, changed_at: string}
 * @phpstan-type Keys array{store_id: string, user_id: string, store_url: string, api_url: string, consumer_key: ?string, consumer_secret: ?string, username: ?string, password: ?string, permissions: string, auth_method: string, notes: list<string>, key_version: int, issued_at: string}
 * @phpstan-type KeysOrProblem array{id: string, keys: ?Keys, problem: ?array<string, mixed>}
 * @phpstan-type Event array{id: string, type: string, timestamp: string, data: array<string, mixed>, related?: string}
 * @phpstan-type EventList array{data: list<Event>, next: string}
 */
final class Cartkey
{
    /** The most entries in the cache of keys. */
    private const CACHED = 1000;

    private readonly string $url;

    /** @var array<string, array{string, mixed}> ETags and keys by request. Each use asks Cartkey whether they are current. */
    private array $cache = [];

    /** `$url` is Cartkey's address without `/api/v1`, `$token` a service token. */
    public function __construct(string $url, #[\SensitiveParameter] private readonly string $token)
    {
        // A line break would end the header.
        if ($url === '' || preg_match('/^[!-~]+$/D', $token) !== 1) {
            throw new \InvalidArgumentException('Cartkey needs its address and a service token without spaces');
        }
        $this->url = rtrim($url, '/') . '/api/v1/';
    }

    /** @return array<string, string> what var_dump shows: neither token nor keys */
    public function __debugInfo(): array
    {
        return ['url' => $this->url];
    }

    /**
     * Creates a link for the user who is signed in to your application. Send them to its `url`. Called again
     * with the same `$idempotencyKey`, it returns the same link.
     *
     * @param NewLink $newLink
     * @return MadeLink
     */
    public function makeLink(array $newLink, ?string $idempotencyKey = null): array
    {
        return $this->ask('POST', 'links', body: $newLink, headers: self::keyed($idempotencyKey));
    }

    /** @return Link */
    public function getLink(string $id): array
    {
        return $this->ask('GET', self::path('links', $id));
    }

    /**
     * `$userId` is who is signed in to your application now, taken from your session.
     *
     * @return Store
     */
    public function confirmAttempt(string $id, #[\SensitiveParameter] string $code, string $userId, ?string $idempotencyKey = null): array
    {
        $body = ['code' => $code, 'user_id' => $userId];
        return $this->ask('POST', self::path('attempts', $id, 'confirm'), body: $body, headers: self::keyed($idempotencyKey));
    }

    /**
     * Confirms what the address says to which the merchant's browser returned; null if there is nothing to confirm.
     *
     * @return ?Store
     */
    public function cameBack(#[\SensitiveParameter] string $returnedTo, string $signedIn): ?array
    {
        parse_str((string) parse_url($returnedTo, PHP_URL_QUERY), $said);
        if (($said['status'] ?? '') !== 'awaiting_confirmation') {
            return null;
        }
        [$id, $code] = [$said['attempt_id'] ?? '', $said['code'] ?? ''];
        return $this->confirmAttempt(is_string($id) ? $id : '', is_string($code) ? $code : '', $signedIn);
    }

    /**
     * Call it whenever you need keys: while they are unchanged, the response is a short 304.
     *
     * @return Keys
     */
    public function getKeysOfUser(string $userId, ?string $storeUrl = null): array
    {
        return $this->cached('GET', self::path('users', $userId, 'keys'), ['store_url' => $storeUrl]);
    }

    /** @return Keys */
    public function getKeysOfStore(string $id): array
    {
        return $this->cached('GET', self::path('stores', $id, 'keys'));
    }

    /**
     * The keys of up to 500 stores; an entry has `keys` or a `problem`.
     *
     * @param array{store_ids: list<string>}|array{user_ids: list<string>} $wanted
     * @return array{data: list<KeysOrProblem>}
     */
    public function getSeveralKeys(array $wanted): array
    {
        return $this->cached('POST', 'keys', [], $wanted);
    }

    /**
     * Sends a request to a store with its key, which never leaves Cartkey. `$route` begins with a namespace: `wc/v3/orders`.
     *
     * @param array<string, string|int|bool|null> $query
     */
    public function callStore(string $id, string $method, string $route, array $query = [], mixed $body = null, ?string $idempotencyKey = null): StoreAnswer
    {
        return $this->call('stores', $id, $method, $route, $query, $body, $idempotencyKey);
    }

    /**
     * The same by merchant. If they have several stores, add `store_url` to the query.
     *
     * @param array<string, string|int|bool|null> $query
     */
    public function callStoreOfUser(string $userId, string $method, string $route, array $query = [], mixed $body = null, ?string $idempotencyKey = null): StoreAnswer
    {
        return $this->call('users', $userId, $method, $route, $query, $body, $idempotencyKey);
    }

    /**
     * @param array{user_id?: string, status?: string, q?: string, limit?: int, cursor?: string} $query
     * @return array{data: list<Store>, next_cursor: ?string}
     */
    public function listStores(array $query = []): array
    {
        return $this->ask('GET', 'stores', $query);
    }

    /** @return Store */
    public function getStore(string $id): array
    {
        return $this->ask('GET', self::path('stores', $id));
    }

    /**
     * Reports a 401 or 403 of a store: Cartkey checks it and returns its state.
     *
     * @return Store
     */
    public function checkStore(string $id): array
    {
        return $this->ask('POST', self::path('stores', $id, 'check'), timeout: 120);
    }

    /**
     * One part of the feed. With `$wait`, an empty one is held back for so many seconds, at most 30.
     *
     * @return EventList
     */
    public function readEvents(?string $after = null, ?int $limit = null, ?int $wait = null): array
    {
        return $this->ask('GET', 'events', ['after' => $after, 'limit' => $limit, 'wait' => $wait], timeout: 30 + (int) $wait);
    }

    /**
     * All events from now on, or after the one with this ID. Store `next` with your results. Goes on after interruptions.
     *
     * @return \Generator<int, EventList, void, never>
     */
    public function followEvents(string $after = 'latest'): \Generator
    {
        for ($pause = 1; true;) {
            try {
                $part = $this->readEvents($after, wait: 30);
            } catch (CartkeyException $error) {
                if (!in_array($error->status, [0, 429, 502, 503, 504], true)) {
                    throw $error;
                }
                sleep($error->retryAfter ?? $pause);
                $pause = min(2 * $pause, 60);
                continue;
            }
            $pause = 1;
            if ($part['next'] !== $after) {
                $after = $part['next'];
                yield $part;
            }
        }
    }

    private function call(string $kind, string $id, string $method, string $route, array $query, mixed $body, ?string $idempotencyKey): StoreAnswer
    {
        $path = self::path($kind, $id, 'wp-json', ...explode('/', ltrim($route, '/')));
        // A store has a minute to begin its answer, after its turn has come.
        return new StoreAnswer(...$this->send($method, $path, $query, $body, self::keyed($idempotencyKey), 120));
    }

    private function ask(string $method, string $path, array $query = [], mixed $body = null, int $timeout = 30, array $headers = []): mixed
    {
        return $this->send($method, $path, $query, $body, $headers, $timeout)[2];
    }

    /** @return list<string> */
    private static function keyed(?string $key): array
    {
        if ($key !== null && preg_match('/^[ -~]+$/D', $key) !== 1) {
            throw new \InvalidArgumentException('an Idempotency-Key is printable ASCII');
        }
        return $key === null ? [] : ["Idempotency-Key: $key"];
    }

    private function cached(string $method, string $path, array $query = [], mixed $body = null): mixed
    {
        $name = json_encode([$path, $query, $body], JSON_THROW_ON_ERROR);
        $known = $this->cache[$name] ?? null;
        try {
            [$status, $headers, $json] = $this->send($method, $path, $query, $body, $known === null ? [] : ["If-None-Match: $known[0]"], 30);
        } catch (CartkeyException $error) {
            if (in_array($error->status, [403, 404, 409], true)) {
                unset($this->cache[$name]);
            }
            throw $error;
        }
        $fresh = $known !== null && $status === 304 ? $known : [$headers['etag'] ?? '', $json];
        unset($this->cache[$name]); // the last entry is the one used last
        $this->cache[$name] = $fresh;
        if (count($this->cache) > self::CACHED) {
            array_shift($this->cache);
        }
        return $fresh[1];
    }

    /** @return array{int, array<string, string>, mixed} status, headers, body */
    private function send(string $method, string $path, array $query, mixed $body, array $headers, int $timeout): array
    {
        $query = array_map(fn ($value) => is_bool($value) ? ($value ? 'true' : 'false') : $value, $query);
        $url = $this->url . $path . rtrim('?' . http_build_query($query, '', '&', PHP_QUERY_RFC3986), '?');
        array_push($headers, "Authorization: Bearer {$this->token}", 'Accept: application/json', 'User-Agent: cartkey-php/0.1.0', 'Connection: close');
        // Redirects are not followed: the token is for Cartkey only.
        $http = ['method' => $method, 'timeout' => $timeout, 'ignore_errors' => true, 'follow_location' => 0, 'protocol_version' => 1.1];
        if ($body !== null) {
            $headers[] = 'Content-Type: application/json';
            $http['content'] = json_encode($body, JSON_THROW_ON_ERROR);
        }
        $stream = @fopen($url, 'rb', false, stream_context_create(['http' => $http + ['header' => $headers]]));
        $text = $stream === false ? false : stream_get_contents($stream);
        if ($text === false || stream_get_meta_data($stream)['timed_out']) {
            throw new CartkeyException(0, ['code' => 'no_answer', 'detail' => 'No answer from ' . parse_url($url, PHP_URL_HOST) . '.']);
        }
        $lines = stream_get_meta_data($stream)['wrapper_data'];
        $status = (int) (explode(' ', $lines[0])[1] ?? 0);
        $answered = [];
        foreach (array_slice($lines, 1) as $line) {
            [$name, $value] = explode(':', $line, 2) + [1 => ''];
            $answered[strtolower($name)] = trim($value);
        }
        return [$status, $answered, self::read($status, $answered, $text, str_contains($path, '/wp-json/'))];
    }

    /** The JSON of an answer; throws what it complains of. */
    private static function read(int $status, array $headers, #[\SensitiveParameter] string $text, bool $byStore): mixed
    {
        $json = $text === '' ? null : json_decode($text, true);
        $readable = $text === '' || json_last_error() === JSON_ERROR_NONE;
        if ($readable && ($status === 304 || intdiv($status, 100) === 2)) {
            return $json;
        }
        $isOurs = str_starts_with($headers['content-type'] ?? '', 'application/problem+json');
        $fromStore = $byStore && !$isOurs;
        if (is_array($json) && is_string($json['code'] ?? null) && ($isOurs || $fromStore)) {
            throw new CartkeyException($status, $json, $headers, $fromStore);
        }
        $detail = "The answer with status $status cannot be read.";
        throw new CartkeyException($status, ['code' => 'unexpected_answer', 'detail' => $detail], $headers, $fromStore);
    }

    /** A path of encoded segments. `.` and `..` would lead elsewhere. */
    private static function path(string ...$segments): string
    {
        if (array_intersect($segments, ['', '.', '..']) !== []) {
            throw new \InvalidArgumentException('an ID or a part of a route is empty or only dots');
        }
        return implode('/', array_map(rawurlencode(...), $segments));
    }
}
