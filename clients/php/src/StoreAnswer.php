<?php

declare(strict_types=1);

namespace Cartkey;

/** What a store answered. `total` and `totalPages` are those of a list, otherwise null. */
final class StoreAnswer
{
    public readonly ?int $total;
    public readonly ?int $totalPages;

    /** @param array<string, string> $headers by names in lower case */
    public function __construct(public readonly int $status, public readonly array $headers, public readonly mixed $body)
    {
        $this->total = isset($headers['x-wp-total']) ? (int) $headers['x-wp-total'] : null;
        $this->totalPages = isset($headers['x-wp-totalpages']) ? (int) $headers['x-wp-totalpages'] : null;
    }
}
