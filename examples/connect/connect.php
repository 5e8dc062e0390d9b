<?php
// Connects a merchant's WooCommerce store through Cartkey, then uses it. PHP 8.1 or newer, nothing to install.
//
//   export CARTKEY=http://127.0.0.1:8090 TOKEN=cartkey_… RETURN_URL=https://app.example.com/connected
//   php connect.php link merchant-42                     # prints the address to send the merchant to
//   php connect.php came-back RETURNED_TO merchant-42    # the address they returned to, and the signed-in user
//   php connect.php orders merchant-42                   # calls their store
//   php connect.php follow                               # prints events as they happen

declare(strict_types=1);

/** A problem that Cartkey reports: match on `problem_code`. */
final class Problem extends RuntimeException
{
    public readonly string $problem_code;

    public function __construct(array $problem)
    {
        parent::__construct("{$problem['code']}: {$problem['detail']}");
        $this->problem_code = $problem['code'];
    }
}

/** Sends one request; returns the status, headers and body, also of an error response. */
function send(string $method, string $url, array $headers, ?array $body = null): array
{
    // Redirects are not followed: a key is for its own store only.
    $options = ['method' => $method, 'header' => $headers, 'timeout' => 60, 'ignore_errors' => true, 'follow_location' => 0];
    if ($body !== null) {
        $options['header'][] = 'Content-Type: application/json';
        $options['content'] = json_encode($body, JSON_THROW_ON_ERROR);
    }
    $text = file_get_contents($url, false, stream_context_create(['http' => $options]));
    if ($text === false) {
        throw new RuntimeException('no answer from ' . parse_url($url, PHP_URL_HOST));
    }
    $answered = [];
    foreach (array_slice($http_response_header, 1) as $line) {
        [$name, $value] = explode(':', $line, 2) + [1 => ''];
        $answered[strtolower($name)] = trim($value);
    }
    return [(int) explode(' ', $http_response_header[0])[1], $answered, $text];
}

function cartkey(string $method, string $path, ?array $body = null, array $headers = []): array
{
    $headers[] = 'Authorization: Bearer ' . getenv('TOKEN');
    [$status, $answered, $text] = send($method, getenv('CARTKEY') . $path, $headers, $body);
    $json = $text === '' ? null : json_decode($text, true, 512, JSON_THROW_ON_ERROR);
    if ($status >= 400) {
        throw new Problem($json);
    }
    return [$json, $answered];
}

/** 1. Creates a link for the merchant who is signed in to your application. Send them to its address. */
function make_link(string $user_id): string
{
    $new_link = ['user_id' => $user_id, 'return_url' => getenv('RETURN_URL'), 'confirm' => 'app'];
    return cartkey('POST', '/api/v1/links', $new_link)[0]['url'];
}

/** 2. The merchant's browser has returned. State who is signed in: if the link is someone else's, Cartkey connects nothing. */
function came_back(string $returned_to, string $signed_in): ?array
{
    parse_str((string) parse_url($returned_to, PHP_URL_QUERY), $query);
    if (($query['status'] ?? '') !== 'awaiting_confirmation') {
        return null;
    }
    $path = '/api/v1/attempts/' . rawurlencode($query['attempt_id']) . '/confirm';
    return cartkey('POST', $path, ['code' => $query['code'], 'user_id' => $signed_in])[0];
}

/** 3. Fetches the store's keys. Call it whenever you need them: while they are unchanged, the response is a short 304. */
function keys_of(string $user_id): array
{
    static $remembered = []; // user_id => [ETag, keys]; in a web application, keep it in memory such as APCu
    [$etag, $keys] = $remembered[$user_id] ?? [null, null];
    $path = '/api/v1/users/' . rawurlencode($user_id) . '/keys';
    [$fresh, $headers] = cartkey('GET', $path, null, $etag === null ? [] : ["If-None-Match: $etag"]);
    if ($fresh !== null) { // null on 304: the keys you have are current
        $keys = $fresh;
        $remembered[$user_id] = [$headers['etag'], $keys];
    }
    return $keys;
}

/** 4. Sends a GET to the store's REST API, with the key as this store accepts it. */
function ask_store(array $keys, string $path, array $query = []): array
{
    // A store with plain permalinks has the path in a parameter.
    [$url, $in_url] = explode('?', $keys['api_url'] . $path) + [1 => ''];
    parse_str($in_url, $route);
    $query = $route + $query;
    $headers = ['User-Agent: my-app/1.0', 'Accept: application/json'];
    $method = $keys['auth_method'];
    // An application password of WordPress: user name and password take the places of key and secret.
    [$key, $secret] = [$keys['consumer_key'] ?? $keys['username'], $keys['consumer_secret'] ?? $keys['password']];
    if ($method === 'basic' || $method === 'application_password') {
        $headers[] = 'Authorization: Basic ' . base64_encode("$key:$secret");
    } elseif ($method === 'query') {
        $query += ['consumer_key' => $key, 'consumer_secret' => $secret];
    } else {
        // The store's PHP does not see https: send over https, sign as http.
        $signed = $method === 'oauth1_http' ? preg_replace('/^https:/', 'http:', $url) : $url;
        $query += oauth($signed, $query, $key, $secret);
    }
    return send('GET', $url . '?' . http_build_query($query, '', '&', PHP_QUERY_RFC3986), $headers);
}

/** OAuth 1.0a (RFC 5849) as WooCommerce expects it: one-legged, in the query, HMAC-SHA256. */
function oauth(string $url, array $query, string $key, string $secret): array
{
    $own = [
        'oauth_consumer_key' => $key,
        'oauth_nonce' => bin2hex(random_bytes(16)),
        'oauth_signature_method' => 'HMAC-SHA256',
        'oauth_timestamp' => (string) time(),
    ];
    $pairs = [];
    foreach ($query + $own as $name => $value) {
        $pairs[] = rawurlencode((string) $name) . '=' . rawurlencode((string) $value);
    }
    sort($pairs, SORT_STRING);
    $base = 'GET&' . rawurlencode(rtrim($url, '/')) . '&' . rawurlencode(implode('&', $pairs));
    return $own + ['oauth_signature' => base64_encode(hash_hmac('sha256', $base, "$secret&", true))];
}

/** Parses the store's JSON, also among PHP notices and comments (`notes`: json_has_noise): the first object or list of objects. */
function read_json(string $text): array
{
    preg_match_all('/[\[{]/', $text, $starts, PREG_OFFSET_CAPTURE);
    preg_match_all('/[\]}]/', $text, $ends, PREG_OFFSET_CAPTURE);
    foreach ($starts[0] as [, $start]) {
        foreach (array_reverse($ends[0]) as [, $end]) {
            $value = json_decode(substr($text, $start, max(0, $end + 1 - $start)), true);
            if (is_array($value) && (!array_is_list($value) || $value === array_filter($value, 'is_array'))) {
                return $value;
            }
        }
    }
    throw new RuntimeException('the store did not answer with JSON');
}

function orders(string $user_id): string
{
    $keys = keys_of($user_id);
    [$status, , $text] = ask_store($keys, '/orders', ['per_page' => 10]);
    if ($status === 401 || $status === 403) {
        // 5. Report it to Cartkey, which checks the store itself and returns the reason.
        [$store] = cartkey('POST', "/api/v1/stores/{$keys['store_id']}/check");
        throw new RuntimeException("the store refused: {$store['status']}, {$store['reason']}");
    }
    if ($status !== 200) {
        throw new RuntimeException("the store answered $status");
    }
    return count(read_json($text)) . ' orders, by ' . keys_of($user_id)['auth_method'];
}

/** 6. Prints all events, in order, with no gaps. Store `next` to continue there after a restart. */
function follow(string $after = 'latest'): never
{
    while (true) {
        [$news] = cartkey('GET', "/api/v1/events?after=$after&wait=20");
        foreach ($news['data'] as $event) {
            echo "{$event['id']} {$event['type']} ", $event['data']['store_id'] ?? '', "\n";
        }
        $after = $news['next'];
    }
}

try {
    [, $command] = $argv;
    $arguments = array_slice($argv, 2);
    if ($command === 'link') {
        echo make_link(...$arguments), "\n";
    } elseif ($command === 'came-back') {
        $store = came_back(...$arguments);
        echo $store ? "connected {$store['id']} {$store['url']}\n" : "not connected\n";
    } elseif ($command === 'orders') {
        echo orders(...$arguments), "\n";
    } elseif ($command === 'follow') {
        follow(...$arguments);
    }
} catch (RuntimeException $error) {
    fwrite(STDERR, $error->getMessage() . "\n");
    exit(1);
}
