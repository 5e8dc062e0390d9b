"""Shortens a failing history: removes steps, alone and in groups, while it still fails for the same reason."""

import time


def pieces(history, path=()):
    """The positions of all steps, including nested ones: `(3,)`, or `(3, 0)` for the first step within the fourth."""
    for at, step in enumerate(history):
        here = (*path, at)
        yield here
        if step[0] in ("during", "together"):
            yield from pieces(step[-1], here)


def without(history, gone, path=()):
    """The history without these positions. If a fault or a concurrent group is removed, the steps within it remain."""
    left = []
    for at, step in enumerate(history):
        here = (*path, at)
        if step[0] not in ("during", "together"):
            left += [] if here in gone else [step]
            continue
        inner = without(step[-1], gone, here)
        if here in gone:
            left += inner
        elif inner or step[0] == "during":
            left.append([*step[:-1], inner])
    return left


def shrink(history, still_fails, seconds, say=lambda text: None):
    """The shortest history found within this many seconds for which `still_fails`, and how many were tried."""
    end = time.monotonic() + seconds
    tried, parts = 0, 2
    while time.monotonic() < end:
        places = list(pieces(history))
        if len(places) < 2:
            break
        size = max(1, len(places) // parts)
        found = None
        # From the end, which removes everything after the failure's cause first.
        for begin in reversed(range(0, len(places), size)):
            if time.monotonic() > end:
                break
            shorter = without(history, set(places[begin : begin + size]))
            if shorter == history:
                continue
            tried += 1
            if still_fails(shorter):
                found = shorter
                break
        if found is not None:
            history = found
            parts = max(2, parts - 1)
            say(f"{len(list(pieces(history)))} steps")
        elif size == 1:
            break
        else:
            parts = min(len(places), parts * 2)
    return history, tried
