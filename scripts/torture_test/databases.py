"""The databases: SQLite in its own folder, on a small disk if possible; PostgreSQL in our own cluster, or the one that
TEST_POSTGRES_URL names."""

import contextlib
import os
import secrets
import shutil
import sqlite3
import subprocess
import tempfile
import time
from glob import glob


class Sqlite:
    kind, can_stop = "sqlite", False

    def __init__(self, folder, small_disk=True):
        self.folder = os.path.join(folder, "data")
        os.mkdir(self.folder, 0o700)
        self.on_small_disk = False
        if small_disk and os.geteuid() == 0:
            command = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "tmpfs", self.folder]
            self.on_small_disk = subprocess.run(command, capture_output=True, check=False).returncode == 0
        self.path = os.path.join(self.folder, "cartkey.db")
        self.url = f"sqlite:{self.path}"

    def open(self):
        return sqlite3.connect(self.path, timeout=10, isolation_level=None)

    def hold_lock(self, seconds, held, over):
        with contextlib.closing(self.open()) as database:
            with contextlib.suppress(sqlite3.OperationalError):
                database.execute("BEGIN EXCLUSIVE")
                held.set()
                time.sleep(seconds)
                database.execute("ROLLBACK")
            held.set()
        over.wait(30)

    def close(self):
        if self.on_small_disk:
            subprocess.run(["umount", "-l", self.folder], capture_output=True, check=False)


def as_postgres(*command, **options):
    """initdb and postgres refuse to run as root."""
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False, **options)


class Cluster:
    """A PostgreSQL server: our own, which can be stopped, or a given one."""

    def __init__(self, folder, url=None):
        found = sorted(glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
        self.programs = os.path.dirname(found[-1]) if found else None
        self.url, self.can_stop, self.data = url, False, None
        if url or not self.programs:
            return
        os.chmod(folder, 0o711)
        # The postgres user may have no access to the temporary folder.
        inside = folder if as_postgres("test", "-x", folder).returncode == 0 else "/tmp"
        self.home = tempfile.mkdtemp(prefix="cartkey-torture-postgres-", dir=inside)
        password = secrets.token_hex(16)
        with open(os.path.join(self.home, "password"), "w", encoding="ascii") as file:
            file.write(password)
        if os.geteuid() == 0:
            shutil.chown(self.home, "postgres")
            shutil.chown(file.name, "postgres")
        self.data, self.log = os.path.join(self.home, "data"), os.path.join(self.home, "log")
        ways = ["-E", "UTF8", "--locale=C", "--auth=scram-sha-256", f"--pwfile={file.name}"]
        as_postgres(f"{self.programs}/initdb", "-D", self.data, "-U", "postgres", *ways)
        with (
            contextlib.suppress(OSError),
            open(os.path.join(self.data, "postgresql.conf"), "a", encoding="utf-8") as file,
        ):
            file.write("listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 100\n")
        # A free port cannot be requested: try random ones.
        for _ in range(10):
            self.port = 20000 + secrets.randbelow(12000)
            if self.start():
                self.can_stop = True
                self.url = f"postgres://postgres:{password}@127.0.0.1:{self.port}/postgres?sslmode=disable"
                break

    def start(self):
        command = [f"{self.programs}/pg_ctl", "-D", self.data, "-l", self.log, "-o", f"-p {self.port}", "-w", "start"]
        # Its output goes to the log: the server would keep our pipe open.
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.run(command, cwd="/", check=False, **quiet).returncode == 0

    def stop(self):
        as_postgres(f"{self.programs}/pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def close(self):
        if self.data:
            self.stop()
            shutil.rmtree(self.home, ignore_errors=True)

    def run(self, sql, database=None):
        """Runs statements through psql; returns the finished process."""
        url = self.url if database is None else database
        return subprocess.run(
            ["psql", "-qAtX", url, "-c", sql], capture_output=True, text=True, timeout=60, check=False
        )


class Postgres:
    """One database in a cluster."""

    kind, on_small_disk = "postgres", False

    def __init__(self, cluster):
        self.cluster, self.can_stop = cluster, cluster.can_stop
        self.name = "torture_" + secrets.token_hex(6)
        cluster.run(f"CREATE DATABASE {self.name}")
        head, _, tail = cluster.url.rpartition("/")
        self.url = f"{head}/{self.name}" + (f"?{tail.partition('?')[2]}" if "?" in tail else "")

    def hold_lock(self, seconds, held, over):
        sql = f"BEGIN; LOCK TABLE counters IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({float(seconds)}); COMMIT"
        process = subprocess.Popen(
            ["psql", "-qAtX", self.url, "-c", sql], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(0.1)
        held.set()
        process.wait(60)
        over.wait(30)

    def stop(self):
        self.cluster.stop()

    def start(self):
        self.cluster.start()

    def close(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.cluster.run(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
