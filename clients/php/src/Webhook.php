<?php

declare(strict_types=1);

namespace Cartkey;

/** @phpstan-import-type Event from Cartkey */
final class Webhook
{
    /** How far a webhook's time may be off, in seconds. */
    private const TOLERANCE = 300;

    /**
     * Returns the event of a webhook, or throws a CartkeyException (`webhook_refused`) if it is not from Cartkey.
     *
     * @param string $secret begins with `whsec_`
     * @param array<string, string> $headers such as those of `getallheaders()`
     * @param string $body exactly what was received: `file_get_contents('php://input')`
     * @return Event
     */
    public static function verify(#[\SensitiveParameter] string $secret, array $headers, string $body): array
    {
        $key = str_starts_with($secret, 'whsec_') ? (string) base64_decode(substr($secret, 6), true) : '';
        if (strlen($key) < 16) {
            throw new \InvalidArgumentException('a webhook’s secret begins with whsec_');
        }
        $headers = array_change_key_case($headers);
        [$id, $timestamp] = [$headers['webhook-id'] ?? '', $headers['webhook-timestamp'] ?? ''];
        if ($id === '' || preg_match('/^[0-9]{1,12}$/D', $timestamp) !== 1) {
            throw self::refusal('The webhook has no ID or no time.');
        }
        if (abs(time() - (int) $timestamp) > self::TOLERANCE) {
            throw self::refusal('The webhook’s time is off by more than five minutes.');
        }
        $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$timestamp.$body", $key, true));
        foreach (explode(' ', $headers['webhook-signature'] ?? '') as $signature) {
            if (hash_equals($expected, $signature)) {
                return json_decode($body, true, 512, JSON_THROW_ON_ERROR);
            }
        }
        throw self::refusal('No signature of the webhook is right.');
    }

    private static function refusal(string $detail): CartkeyException
    {
        return new CartkeyException(400, ['code' => 'webhook_refused', 'detail' => $detail]);
    }
}
