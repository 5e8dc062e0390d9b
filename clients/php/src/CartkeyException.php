<?php

declare(strict_types=1);

namespace Cartkey;

/** The one exception of this client. Match on `problemCode`. Its text never contains a secret. */
final class CartkeyException extends \RuntimeException
{
    /** Cartkey's stable code, the store's own if `fromStore`, or one of this client: `no_answer`, `unexpected_answer`, `webhook_refused`. */
    public readonly string $problemCode;
    public readonly string $detail;
    public readonly ?string $requestId;
    /** When to try again, in seconds. */
    public readonly ?int $retryAfter;

    /**
     * @param int $status the HTTP status; 0 if there was no answer
     * @param array<string, mixed> $problem the problem with all its members, such as `attempt_url` or `reason`
     * @param array<string, string> $headers
     * @param bool $fromStore whether the store answered this itself
     */
    public function __construct(
        public readonly int $status,
        public readonly array $problem,
        array $headers = [],
        public readonly bool $fromStore = false,
    ) {
        $this->problemCode = $problem['code'];
        $detail = $problem['detail'] ?? $problem['message'] ?? '';
        $this->detail = is_string($detail) ? $detail : '';
        $this->requestId = $headers['cartkey-request-id'] ?? null;
        $this->retryAfter = self::seconds($headers['retry-after'] ?? '');
        parent::__construct("{$this->problemCode}: {$this->detail}" . ($this->requestId === null ? '' : " ({$this->requestId})"));
    }

    /** The value of Retry-After, a number of seconds or a date. */
    private static function seconds(string $value): ?int
    {
        if (ctype_digit($value)) {
            return (int) $value;
        }
        $date = $value === '' ? false : strtotime($value);
        return $date === false ? null : max($date - time(), 0);
    }
}
