"""Faults of the machine, each a context manager. `missing` says why one is not available here."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import threading


def missing(kind, database):
    """Why this fault is not available here, or None."""
    if kind in ("full", "eio") and database.kind != "sqlite":
        return "only on SQLite, where the files are local"
    if kind == "full" and not database.on_small_disk:
        return "no small disk: not root, or mount is not allowed"
    if kind == "eio" and (os.geteuid() != 0 or not shutil.which("strace")):
        return "no strace, or not root"
    if kind == "away" and not database.can_stop:
        return "only with a PostgreSQL that this script starts"
    return None


# A callback waits longer for the disk than a history lasts, so a failing disk recovers after this many seconds.
REFUSES_FOR = 3


@contextlib.contextmanager
def ends_by_itself(end):
    """Calls `end` after `REFUSES_FOR`, and again after the steps, which may finish earlier."""
    timer = threading.Timer(REFUSES_FOR, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        end()


@contextlib.contextmanager
def full(runner, options):
    """The disk is full. With `empty`, the write-ahead log was emptied before, so even its header needs space."""
    path = os.path.join(runner.database.folder, "fill")
    if options.get("empty"):
        with contextlib.suppress(sqlite3.Error), contextlib.closing(runner.database.open()) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def make_room():
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    with ends_by_itself(make_room):
        with contextlib.suppress(OSError), open(path, "wb", buffering=0) as file:
            for size in (1 << 16, 4096, 512):
                with contextlib.suppress(OSError):
                    while file.write(b"x" * size) == size:
                        pass
        # A service that is asked while it starts, or that is slow, has not said that it is ready.
        says = runner.service.ask("GET", "/readyz", timeout=2).status
        if says == 200 and os.path.exists(path):
            runner.complain("ready_on_full_disk", "the disk is full, and /readyz is 200")
        yield


@contextlib.contextmanager
def eio(runner, options):
    """Writing (`pwrite64`) or syncing (`fsync,fdatasync`) fails: always, or for the calls that `when` selects, per thread."""
    calls = options.get("calls", "pwrite64")
    rule = f"inject={calls}:error=EIO" + (f":when={options['when']}" if "when" in options else "")
    command = ["strace", "-f", "-p", str(runner.service.pid), "-o", "/dev/null", "-e", f"trace={calls}", "-e", rule]
    tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def let_go():
        tracer.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            tracer.wait(10)
        tracer.kill()

    try:
        # strace reports when it has attached to every thread.
        tracer.stderr.readline()
        with ends_by_itself(let_go):
            yield
    finally:
        let_go()
        tracer.stderr.close()


@contextlib.contextmanager
def locked(runner, options):
    """Another process holds the write lock for this many seconds."""
    held, over = threading.Event(), threading.Event()
    holder = threading.Thread(
        target=runner.database.hold_lock, args=(options.get("seconds", 1), held, over), daemon=True
    )
    holder.start()
    held.wait(10)
    try:
        yield
    finally:
        over.set()
        holder.join(30)


@contextlib.contextmanager
def away(runner, options):
    """The database is stopped immediately and restarted after this many seconds at the latest."""
    runner.database.stop()
    back = threading.Timer(options.get("seconds", 1), runner.database.start)
    back.start()
    try:
        yield
    finally:
        back.join()


@contextlib.contextmanager
def killed(runner, options):
    """This signal ends the process in the middle of the steps."""
    how = signal.SIGTERM if options.get("how") == "term" else signal.SIGKILL
    shot = threading.Timer(
        options.get("after", 0), lambda: runner.service.is_running() and runner.service.process.send_signal(how)
    )
    shot.start()
    try:
        yield
    finally:
        shot.join()
        if not runner.service.end(how):
            runner.complain("does_not_stop", "it did not exit within 45 s of SIGTERM")
        runner.start()


@contextlib.contextmanager
def hanging(runner, options):
    """A store accepts connections but does not respond."""
    shop = runner.shops[options["shop"] % len(runner.shops)]
    shop.awake.clear()
    try:
        yield
    finally:
        shop.awake.set()


@contextlib.contextmanager
def down(runner, options):
    """A store answers 503 to everything."""
    shop = runner.shops[options["shop"] % len(runner.shops)]
    shop.is_down = True
    try:
        yield
    finally:
        shop.is_down = False


@contextlib.contextmanager
def deaf(runner, _options):
    """The services behind webhooks answer 500."""
    runner.receiver.is_down = True
    try:
        yield
    finally:
        runner.receiver.is_down = False


FAULTS = {
    "full": full,
    "eio": eio,
    "locked": locked,
    "away": away,
    "killed": killed,
    "hanging": hanging,
    "down": down,
    "deaf": deaf,
}
OF_THE_DISK = {"full", "eio"}


def shape(kind, options):
    """What a fault of the disk is counted as."""
    if kind == "full":
        return "full, log emptied" if options.get("empty") else "full"
    return f"{options.get('calls', 'pwrite64')} {options.get('when', 'always')}"


# Faults that do not affect the service itself.
OF_OTHERS = {"hanging", "down", "deaf"}
