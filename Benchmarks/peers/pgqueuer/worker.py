"""One pgqueuer worker process: connects, says `ready`, waits for a line, empties the queue, says when it was done.

The handler does nothing, as Muster's `noop` does. `drain` mode returns once the queue is empty and the last statuses are
committed, so the time that it prints is the time of its last durable status, on the clock that all processes share.
"""

import argparse
import asyncio
import logging
import sys
import time

import asyncpg
import uvloop
from pgqueuer import AsyncpgDriver, Job, QueueManager, Queries
from pgqueuer.types import QueueExecutionMode


async def serve(dsn: str, batch_size: int) -> None:
    connection = await asyncpg.connect(dsn)
    manager = QueueManager(Queries(AsyncpgDriver(connection)))
    handled = 0

    @manager.entrypoint("noop")
    async def noop(job: Job) -> None:
        nonlocal handled
        handled += 1

    print("ready", flush=True)
    # The event loop may stand still here: nothing runs on it before the parent says go.
    sys.stdin.readline()
    await manager.run(batch_size=batch_size, mode=QueueExecutionMode.drain)
    print(f"{time.monotonic()} {handled}", flush=True)
    await connection.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    uvloop.run(serve(arguments.dsn, arguments.batch_size))


main()
