"""Times short commands on a private HyperQueue: a server and two workers of one core, in this process.

Prints one JSON line.
"""

import argparse
import json
import tempfile
import time

from hyperqueue import Job
from hyperqueue.cluster import LocalCluster, WorkerConfig


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=10_000)
    tasks = parser.parse_args().tasks
    with tempfile.TemporaryDirectory(prefix="muster-bench-hq.") as folder, LocalCluster(folder) as cluster:
        for _ in range(2):
            cluster.start_worker(WorkerConfig(cores=1))
        client = cluster.client()
        # The first makes sure that both are there.
        run(client, 10)
        print(json.dumps({"tasks": tasks, "tasks_per_second": round(tasks / run(client, tasks), 1)}))


def run(client, tasks: int) -> float:
    """Seconds from submission until the client knows that all have ended."""
    job = Job()
    for number in range(tasks):
        job.program(["true", str(number)], stdout=None, stderr=None)
    began = time.monotonic()
    client.wait_for_jobs([client.submit(job)])
    return time.monotonic() - began


if __name__ == "__main__":
    main()
