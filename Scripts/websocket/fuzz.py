"""Autobahn's cases against an echo server: `fuzz.py URL [CASE...]`. A URL of wss is spoken to through a forwarder, as kosoku knows no TLS.

Names every case that is not simply passed, and fails for one that may not be so.
"""

import asyncio
import collections
import os
import ssl
import sys
import urllib.parse

import kosoku

# What is left open by RFC 6455, and only reported: whether an answer still comes when a close is behind its message (7.1.6), and closes with
# codes that nobody gave out (7.13).
OPEN = ("7.1.6", "7.13.1", "7.13.2")
# Compression, which is not negotiated.
UNIMPLEMENTED = ("12.", "13.")


async def pour(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


def forwarder(host, port):
    context = ssl._create_unverified_context()
    # asyncio itself keeps none of them.
    under_way = set()

    async def forward(reader, writer):
        under_way.add(asyncio.current_task())
        inner, outer = await asyncio.open_connection(host, port, ssl=context)
        await asyncio.gather(pour(reader, outer), pour(inner, writer))
        under_way.discard(asyncio.current_task())

    return asyncio.start_server(forward, "127.0.0.1", 0, limit=1 << 20)


def is_right(result):
    verdict, close = result.behavior.value, result.behavior_close.value
    if result.case_id.startswith(UNIMPLEMENTED):
        return verdict == "UNIMPLEMENTED"
    if result.case_id in OPEN:
        return verdict == "INFORMATIONAL"
    return verdict == "OK" and close == "OK"


async def main(url, cases):
    place = urllib.parse.urlsplit(url)
    if place.scheme == "wss":
        server = await forwarder(place.hostname, place.port)
        url = "ws://127.0.0.1:%d/" % server.sockets[0].getsockname()[1]
    try:
        results = await kosoku.run_fuzzingclient(url, cases or None, concurrency=6)
    except kosoku.FailureError as failure:
        results = failure.results
    counts = collections.Counter((r.behavior.value, r.behavior_close.value) for r in results)
    for (verdict, close), count in sorted(counts.items()):
        print(f"{count} cases: {verdict}, their close {close}")
    wrong = [r for r in results if not is_right(r)]
    for result in wrong:
        print(f"{result.case_id}: {result.behavior.value}, close {result.behavior_close.value}: {result.result} {result.result_close}")
    sys.stdout.flush()
    # Not by way of Python's own end: threads of kosoku's 0.1.0 that are still about abort it at times.
    os._exit(1 if wrong or not results else 0)


asyncio.run(main(sys.argv[1], sys.argv[2:]))
