"""Runs a private PostgreSQL, queues no-op jobs in pgqueuer and times two worker processes as they empty the queue.

Prints one JSON line. Everything started here is stopped here by its own process id.
"""

import argparse
import asyncio
import importlib.metadata
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import asyncpg
from pgqueuer import AsyncpgDriver, Queries

ENQUEUE_BATCH = 10_000
START_SECONDS_MAX = 60

# Every commit reaches the disk, as Muster's does. The rest is what PostgreSQL's own manual advises for a write load:
# memory to hold the tables, and no checkpoint in the middle of the measurement.
SETTINGS = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "1h",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "20",
    "jit": "off",
}


def as_server_user() -> list[str]:
    """The prefix that runs a command as a user PostgreSQL accepts: it refuses root."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []


@contextmanager
def postgres(binaries: Path) -> Iterator[str]:
    """A server on a unix socket in a directory of its own. Yields its DSN; stops it and removes the directory at the end."""
    # /var/tmp, as /tmp is often memory: a commit there would cost the peer nothing.
    home = Path(tempfile.mkdtemp(prefix="muster-bench-pg.", dir=os.environ.get("MUSTER_BENCH_DIR", "/var/tmp")))
    prefix = as_server_user()
    server = None
    try:
        if prefix:
            account = pwd.getpwnam("postgres")
            os.chown(home, account.pw_uid, account.pw_gid)
        data = home / "data"
        subprocess.run(
            [*prefix, binaries / "initdb", "-D", data, "-U", "muster", "-A", "trust", "-E", "UTF8", "--locale=C"],
            check=True, stdout=subprocess.DEVNULL, cwd=home)
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with open(home / "log", "wb") as log:
            server = subprocess.Popen(
                [*prefix, binaries / "postgres", "-D", data, "-k", home, *options], stdout=log, stderr=log, cwd=home)
        deadline = time.monotonic() + START_SECONDS_MAX
        ready = [binaries / "pg_isready", "-q", "-h", home]
        while subprocess.run(ready).returncode != 0:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("pgqueuer: PostgreSQL did not start:\n" + (home / "log").read_text())
            time.sleep(0.05)
        yield f"postgresql://muster@/postgres?host={home}"
    finally:
        if server is not None:
            # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
            server.send_signal(signal.SIGINT)
            server.wait()
        shutil.rmtree(home, ignore_errors=True)


async def install(dsn: str) -> None:
    """Makes pgqueuer's tables: durable ones, its default, with the storage settings that it advises itself."""
    connection = await asyncpg.connect(dsn)
    queries = Queries(AsyncpgDriver(connection))
    await queries.install()
    await queries.optimize_autovacuum()
    await connection.close()


async def fill(dsn: str, tasks: int) -> float:
    """Empties the tables and queues `tasks` jobs. Returns the seconds that queueing took."""
    connection = await asyncpg.connect(dsn)
    queries = Queries(AsyncpgDriver(connection))
    await queries.clear_queue()
    await queries.clear_queue_log()
    begin = time.monotonic()
    for first in range(0, tasks, ENQUEUE_BATCH):
        size = min(ENQUEUE_BATCH, tasks - first)
        await queries.enqueue(["noop"] * size, [None] * size, [0] * size)
    seconds = time.monotonic() - begin
    # Housekeeping before the clock starts, so that none falls into the measurement.
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()
    return seconds


async def recorded(dsn: str) -> tuple[int, str]:
    """How many jobs the database holds as successful, and the server's version."""
    connection = await asyncpg.connect(dsn)
    done = await connection.fetchval("SELECT count(*) FROM pgqueuer_log WHERE status = 'successful'")
    version = await connection.fetchval("SHOW server_version")
    await connection.close()
    return done, version.split()[0]


def drain(dsn: str, workers: int, batch_size: int) -> float:
    """Starts the workers, lets them go together, and returns the seconds until the last one's last status is durable."""
    script = Path(__file__).with_name("worker.py")
    command = [sys.executable, script, "--dsn", dsn, "--batch-size", str(batch_size)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(workers)]
    try:
        for process in processes:
            if process.stdout.readline().strip() != "ready":
                raise SystemExit("pgqueuer: a worker did not start; its own message is above")
        begin = time.monotonic()
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        ends = []
        for process in processes:
            words = process.stdout.readline().split()
            if len(words) != 2:
                raise SystemExit("pgqueuer: a worker died; its own message is above")
            ends.append(float(words[0]))
        return max(ends) - begin
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(dsn: str, tasks: int, workers: int, batch_size: int) -> dict[str, float]:
    """One measurement, checked: a run that does not leave every job recorded as successful has no figure."""
    submit_seconds = asyncio.run(fill(dsn, tasks))
    seconds = drain(dsn, workers, batch_size)
    done, _ = asyncio.run(recorded(dsn))
    if done != tasks:
        raise SystemExit(f"pgqueuer: {done} jobs recorded of {tasks}: the figure would not count")
    return {
        "batch_size": batch_size,
        "seconds": round(seconds, 3),
        "tasks_per_second": round(tasks / seconds),
        "submit_seconds": round(submit_seconds, 3),
        "submit_to_done_tasks_per_second": round(tasks / (seconds + submit_seconds)),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-sizes", default="100,1000", help="measured in turn; the first is the headline")
    parser.add_argument("--postgres", type=Path, required=True, help="the directory of initdb and postgres")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.batch_sizes.split(",")]
    # A plain kill must run the `finally` blocks too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with postgres(arguments.postgres) as dsn:
        asyncio.run(install(dsn))
        runs = [measure(dsn, arguments.tasks, arguments.workers, size) for size in sizes]
        _, server_version = asyncio.run(recorded(dsn))
    print(json.dumps({
        "peer": "pgqueuer",
        "tasks": arguments.tasks,
        "seconds": runs[0]["seconds"],
        "tasks_per_second": runs[0]["tasks_per_second"],
        "best_tasks_per_second": max(run["tasks_per_second"] for run in runs),
        "workers": arguments.workers,
        "runs": runs,
        "versions": {
            "pgqueuer": importlib.metadata.version("pgqueuer"),
            "asyncpg": importlib.metadata.version("asyncpg"),
            "postgresql": server_version,
            "python": sys.version.split()[0],
        },
    }))


main()
