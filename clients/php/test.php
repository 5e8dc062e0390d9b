<?php
// Run by ../test against a running Cartkey and a pretend store.

declare(strict_types=1);

require 'vendor/autoload.php';

use Cartkey\{Cartkey, CartkeyException, Webhook};

set_error_handler(function (int $level, string $text, string $file, int $line): bool {
    if ((error_reporting() & $level) === 0) {
        return false;
    }
    throw new ErrorException($text, 0, $level, $file, $line);
});

function same(mixed $found, mixed $expected): void
{
    if ($found !== $expected) {
        throw new LogicException('found ' . var_export($found, true) . ', not ' . var_export($expected, true));
    }
}

/** The exception of what must fail. */
function refusal(callable $act, string $class = CartkeyException::class): Throwable
{
    try {
        $act();
    } catch (Throwable $error) {
        return $error instanceof $class ? $error : throw $error;
    }
    throw new LogicException('it was not refused');
}

[$url, $token, $return_url, $odd] = array_map(getenv(...), ['CARTKEY', 'TOKEN', 'RETURN_URL', 'ODD']);
$user = 'merchant/php?';

$cartkey = new Cartkey($url, $token);
$link = $cartkey->makeLink(['user_id' => $user, 'account_label' => 'Jane’s Shop', 'return_url' => $return_url, 'confirm' => 'app']);
same($link['warning'], null);
same($cartkey->makeLink(['user_id' => $user], 'php-1'), $cartkey->makeLink(['user_id' => $user], 'php-1'));
same($cartkey->getLink($link['id'])['attempt'], null);
$returned_to = trim(shell_exec(getenv('MERCHANT') . ' connect ' . escapeshellarg($link['url'])));
parse_str(parse_url($returned_to, PHP_URL_QUERY), $said);

$error = refusal(fn () => $cartkey->cameBack($returned_to, 'somebody-else'));
same([$error->status, $error->problemCode], [409, 'other_user']);
same(str_starts_with($error->requestId, 'rq_'), true);
same(str_contains("$error", $token) || str_contains("$error", $said['code']), false);
$store = $cartkey->cameBack($returned_to, $user);
same([$store['status'], $store['user_id']], ['connected', $user]);
$error = refusal(fn () => $cartkey->cameBack($returned_to, $user));
same([$error->problemCode, str_starts_with($error->problem['attempt_url'], 'http')], ['code_spent', true]);
same($cartkey->cameBack("$return_url?status=denied", $user), null);
same($cartkey->getLink($link['id'])['attempt']['status'], 'connected');
same($cartkey->listStores(['user_id' => $user])['data'], [$cartkey->getStore($store['id'])]);
same($cartkey->checkStore($store['id'])['status'], 'connected');

// The second time is a 304, which ../test counts in Cartkey's log.
$keys = $cartkey->getKeysOfUser($user);
same(str_starts_with($keys['consumer_secret'], 'cs_'), true);
same($cartkey->getKeysOfUser($user), $keys);
same($cartkey->getKeysOfStore($store['id'])['consumer_key'], $keys['consumer_key']);
for ($time = 0; $time < 2; $time++) {
    [$first, $second] = $cartkey->getSeveralKeys(['user_ids' => [$user, 'nobody']])['data'];
    same($first['keys']['consumer_key'], $keys['consumer_key']);
    same([$second['keys'], $second['problem']['code']], [null, 'not_found']);
}
ob_start();
var_dump($cartkey);
$dumped = ob_get_clean();
same(str_contains($dumped, $token) || str_contains($dumped, 'cs_'), false);

$orders = $cartkey->callStoreOfUser($user, 'GET', 'wc/v3/orders', ['per_page' => 1]);
same([$orders->status, $orders->body, $orders->total], [200, [], null]);
$made = $cartkey->callStore($store['id'], 'POST', '/wc/v3/products', body: ['name' => 'Müsli']);
same([$made->status, $made->body['name']], [201, 'Blue cup']);
$error = refusal(fn () => $cartkey->callStore($store['id'], 'GET', 'wc/v3/nothing'));
same([$error->status, $error->problemCode, $error->fromStore], [404, 'rest_no_route', true]);
$error = refusal(fn () => $cartkey->callStore($store['id'], 'GET', 'wp/v2/users'));
same([$error->status, $error->fromStore], [404, false]);
refusal(fn () => $cartkey->callStore($store['id'], 'GET', 'wc/../../../../links'), InvalidArgumentException::class);
refusal(fn () => $cartkey->callStore($store['id'], 'GET', 'wc/v3/orders', idempotencyKey: "one\r\nX: y"), InvalidArgumentException::class);
refusal(fn () => $cartkey->getKeysOfUser('..'), InvalidArgumentException::class);

$until = time() + 60;
foreach ($cartkey->followEvents('ev_0000000000000000') as $part) {
    foreach ($part['data'] as $event) {
        if ($event['type'] === 'store.connected' && ($event['data']['store_id'] ?? '') === $store['id']) {
            break 2;
        }
    }
    same(time() < $until, true);
}

$error = refusal(fn () => (new Cartkey($url, 'cartkey_wrong'))->getStore('st_1'));
same([$error->status, str_contains("$error", 'cartkey_wrong')], [401, false]);
$error = refusal(fn () => new Cartkey($url, "cartkey_wrong\n"), InvalidArgumentException::class);
same(str_contains($error->getMessage(), 'cartkey_wrong'), false);
$error = refusal(fn () => (new Cartkey('http://127.0.0.1:1', $token))->getStore('st_1'));
same([$error->status, $error->problemCode], [0, 'no_answer']);
$error = refusal(fn () => (new Cartkey("$odd/busy", $token))->getStore('st_1'));
same([$error->status, $error->problemCode, $error->retryAfter], [503, 'unavailable', 7]);
foreach (['elsewhere' => 302, 'broken' => 502] as $way => $status) {
    $error = refusal(fn () => (new Cartkey("$odd/$way", $token))->getStore('st_1'));
    same([$error->status, $error->problemCode], [$status, 'unexpected_answer']);
}
$query = ['search' => 'a&b c', 'decimal' => true, 'page' => null];
$echo = (new Cartkey("$odd/echo/", $token))->callStoreOfUser($user, 'GET', 'wc/v3/orders/a?b', $query, idempotencyKey: 'one');
$path = '/echo/api/v1/users/merchant%2Fphp%3F/wp-json/wc/v3/orders/a%3Fb?search=a%26b%20c&decimal=true';
same([$echo->total, $echo->totalPages, $echo->body], [37, 8, ['path' => $path, 'idempotency_key' => 'one']]);
same((new Cartkey("$odd/flaky-php", $token))->followEvents()->current()['next'], 'ev_0000000000000001');

$key = random_bytes(24);
$secret = 'whsec_' . base64_encode($key);
$body = '{"id":"ev_0000000000000042","type":"store.connected","data":{}}';
$now = time();
$signed = fn (string $text, ?int $timestamp = null, ?string $by = null): array => [
    'Webhook-Id' => 'ev_0000000000000042',
    'webhook-timestamp' => (string) ($timestamp ?? $now),
    'webhook-signature' => 'v1,' . base64_encode(hash_hmac('sha256', 'ev_0000000000000042.' . ($timestamp ?? $now) . ".$text", $by ?? $key, true)),
];
same(Webhook::verify($secret, $signed($body), $body)['id'], 'ev_0000000000000042');
$two = $signed($body);
$two['webhook-signature'] = "v1,AAAA v2,x {$two['webhook-signature']}";
same(Webhook::verify($secret, $two, $body)['type'], 'store.connected');
Webhook::verify($secret, $signed($body, $now - 290), $body);
$forged = [$signed("$body "), $signed($body, by: random_bytes(24)), $signed($body, $now - 310), $signed($body, $now + 310), ['webhook-signature' => ''] + $signed($body), []];
foreach ($forged as $headers) {
    same(refusal(fn () => Webhook::verify($secret, $headers, $body))->problemCode, 'webhook_refused');
}
refusal(fn () => Webhook::verify('whsec_', $signed($body, by: ''), $body), InvalidArgumentException::class);
