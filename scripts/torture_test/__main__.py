"""Runs histories generated from a seed against the real binary, on both databases, until the time is up. See `scripts/torture`."""

import argparse
import collections
import math
import os
import re
import signal
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import history
from databases import Cluster
from faults import FAULTS, shape
from runner import close_all, keep_log, runner
from shrink import shrink

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Every third history has jumps of the clock.
CLOCK_EVERY = 3


def minutes(text):
    number = float(text)
    if not (0 < number < math.inf):
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


def is_clock(number, kinds):
    return number // len(kinds) % CLOCK_EVERY == CLOCK_EVERY - 1


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/torture", description="Runs random histories with faults and audits the results."
    )
    parser.add_argument("seed", nargs="?", default=None, help="any text; random if omitted")
    parser.add_argument("minutes", nargs="?", type=minutes, default=1.0)
    parser.add_argument("--database", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--fault", action="append", choices=sorted(FAULTS), help="only this fault; repeatable")
    parser.add_argument(
        "--steps", type=argparse.FileType(), help="replay a saved history, one step per line, on --database"
    )
    parser.add_argument(
        "--show", type=int, metavar="NUMBER", help="print history NUMBER of the seed without running it"
    )
    parser.add_argument(
        "--shrink", type=float, default=120, metavar="SECONDS", help="time limit for finding a shorter history that still fails"
    )
    parser.add_argument(
        "--disk", type=int, metavar="REFUSALS", help="only faults of the disk, until each kind has made so many requests fail"
    )
    parser.add_argument("--quick", action="store_true", help="three fixed seeds, a minute each")
    parser.add_argument("--self-test", action="store_true", help="test the auditor against services that lie")
    return parser.parse_args()


def log_of(seed):
    return os.path.join(tempfile.gettempdir(), f"cartkey-torture-{re.sub(r'[^A-Za-z0-9]+', '-', seed)}.log")


def binary():
    target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    named = os.environ.get("CARTKEY_BIN")
    choices = [named] if named else [os.path.join(target, kind, "cartkey") for kind in ("release", "debug")]
    found = next((os.path.abspath(path) for path in choices if os.access(path, os.X_OK)), None)
    return found or sys.exit(f"torture: {choices[-1]} not found: run cargo build first")


class Torture:
    """The totals over all histories."""

    def __init__(self, arguments, cluster):
        self.arguments, self.cluster, self.binary = arguments, cluster, binary()
        self.steps = self.acknowledged = self.histories = 0
        self.passed_over, self.refused = set(), collections.Counter()
        self.lock = threading.Lock()

    def run_one(self, steps, kind, seed):
        """Runs one history; returns its complaints."""
        with runner(self.binary, kind, self.cluster, seed) as one:
            complaints = one.run(steps)
            with self.lock:
                self.steps += one.steps
                self.acknowledged += one.model.acknowledged()
                self.passed_over |= one.passed_over
                self.refused += one.model.refused
            if complaints:
                keep_log(one, log_of(seed))
        return complaints

    def run_seed(self, seed, minutes, kinds, faults=None):
        """Runs histories of this seed until the time is up; returns false at the first failure."""
        end, number = time.monotonic() + minutes * 60, 0
        while time.monotonic() < end:
            kind = kinds[number % len(kinds)]
            steps = history.make(seed, number, kind, faults, is_clock(number, kinds))
            complaints = self.run_one(steps, kind, f"{seed}/{number}")
            with self.lock:
                self.histories += 1
            if complaints:
                self.report(steps, kind, seed, number, complaints)
                return False
            number += 1
        return True

    def run_disk(self, seed, refusals):
        """Runs faults of the disk until each kind has made so many requests fail; returns false at the first failure."""
        kinds = history.OF_THE_DISK
        number = 0
        while any(self.refused[shape(*kind)] < refusals for kind in kinds):
            fault = kinds[number % len(kinds)]
            if self.refused[shape(*fault)] < refusals:
                steps = history.of_the_disk(seed, number)
                complaints = self.run_one(steps, "sqlite", f"{seed}/{number}")
                self.histories += 1
                if complaints:
                    self.report(steps, "sqlite", seed, number, complaints)
                    return False
                if not self.refused[shape(*fault)]:
                    print(f"torture: FAILED: {shape(*fault)}: nothing was refused; {sorted(self.passed_over)}")
                    return False
                print(f"torture: {shape(*fault)}: {self.refused[shape(*fault)]} refused", flush=True)
            number += 1
        return True

    def report_skipped(self):
        for each in sorted(self.passed_over):
            print(f"torture: skipped: {each}")

    def report(self, steps, kind, seed, number, complaints):
        said = [
            f"torture: FAILED: seed {seed}, history {number} on {kind}, {len(steps)} steps; the service's log is {log_of(f'{seed}/{number}')}"
        ]
        said += [f"  {complaint}" for complaint in complaints[:10]]
        # Printed now as well: finding a shorter history takes time and may be interrupted.
        print("\n".join(said), flush=True)
        rule = complaints[0].rule

        def still_fails(shorter):
            return any(each.rule == rule for each in self.run_one(shorter, kind, f"{seed}/{number}"))

        shortest, tried = shrink(steps, still_fails, self.arguments.shrink)
        replay = f"replay it with scripts/torture --database {kind} --steps FILE"
        print(f"seed {seed}: the shortest history that still fails ({rule}), {tried} tried; {replay}:")
        print(history.write(shortest), end="", flush=True)


def kinds_of(arguments, cluster):
    kinds = ["sqlite", "postgres"] if arguments.database == "both" else [arguments.database]
    if "postgres" in kinds and not cluster.url:
        if arguments.database == "postgres":
            sys.exit("torture: PostgreSQL not found: neither initdb nor TEST_POSTGRES_URL")
        print("torture: SQLite only: PostgreSQL is not installed")
        kinds = ["sqlite"]
    return kinds


def run(arguments, cluster):
    torture = Torture(arguments, cluster)
    kinds = kinds_of(arguments, cluster)
    if arguments.show is not None:
        kind = kinds[arguments.show % len(kinds)]
        clock = is_clock(arguments.show, kinds)
        print(history.write(history.make(arguments.seed, arguments.show, kind, arguments.fault, clock)), end="")
        return 0
    if arguments.steps:
        steps = history.read(arguments.steps)
        complaints = torture.run_one(steps, kinds[0], arguments.seed or "steps")
        for complaint in complaints:
            print(complaint)
        torture.report_skipped()
        print("torture: FAILED" if complaints else f"torture: {torture.steps} steps, 0 lost")
        return 1 if complaints else 0
    if arguments.quick:
        plan = [("1", ["sqlite"], None), ("2", [kinds[-1]], None), ("3", ["sqlite"], ["full", "eio"])]
    else:
        plan = [(arguments.seed or str(int(time.time())), kinds, arguments.fault)]
    minutes = 1 if arguments.quick else arguments.minutes
    pool = ThreadPoolExecutor(len(plan))
    if arguments.disk:
        running = [pool.submit(torture.run_disk, plan[0][0], arguments.disk)]
    else:
        running = [pool.submit(torture.run_seed, seed, minutes, on, faults) for seed, on, faults in plan]
    if not all([each.result() for each in running]):
        return 1
    torture.report_skipped()
    if torture.histories < len(plan):
        print("torture: FAILED: no history was completed")
        return 1
    seeds = "1 seed" if len(plan) == 1 else f"{len(plan)} seeds"
    print(
        f"torture: {seeds}, {torture.histories} histories, {torture.steps} steps, {torture.acknowledged} acknowledged, 0 lost"
    )
    return 0


def main():
    arguments = parse()
    if arguments.self_test:
        import self_test

        return self_test.main()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    code = 1
    with tempfile.TemporaryDirectory(prefix="cartkey-torture-", ignore_cleanup_errors=True) as folder:
        given = os.environ.get("TEST_POSTGRES_URL")
        cluster = None
        try:
            cluster = Cluster(folder, given) if arguments.database != "sqlite" else None
            code = run(arguments, cluster)
        except KeyboardInterrupt:
            code = 130
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
            code = end.code if isinstance(end.code, int) else 1
        finally:
            close_all()
            if cluster:
                cluster.close()
    sys.stdout.flush()
    # Does not wait for threads of interrupted steps.
    os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
