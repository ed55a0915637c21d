"""Many connections at once to an echo server, each with a way of its own, all of them compared byte by byte.

    python3 echo_client.py HOST PORT CONNECTIONS SEED

Prints one line of JSON: how many connections were echoed in full, how many this side reset, how many bytes came back,
the most connections that were open at once, and what was wrong. Standard library only, CPython 3.7 or later.
"""

import asyncio
import collections
import json
import random
import socket
import struct
import sys

LARGEST = 900_000  # bytes
LINGER_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for 0 seconds: close(2) resets
DEADLINE = 25  # seconds

HOST, PORT, CONNECTIONS, SEED = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

result = collections.Counter()
wrong = []


class Moment:
    """Comes when `count` of the connections have arrived at it."""

    def __init__(self, count):
        self.missing = count
        self.event = asyncio.Event()

    def arrive(self):
        self.missing -= 1
        if self.missing <= 0:
            self.event.set()


async def talk(rng, data, reader, writer, _moment):
    """Sends in pieces while it reads, half-closes once all has come back."""

    async def send():
        start = 0
        while start < len(data):
            end = start + rng.randint(1, 70_000)
            writer.write(data[start:end])
            await writer.drain()
            start = end

    _, echoed = await asyncio.gather(send(), reader.readexactly(len(data)))
    writer.write_eof()
    return echoed + await reader.read()


async def ping_pong(rng, data, reader, writer, _moment):
    """Sends the next piece only when the one before is back."""
    echoed = b""
    while len(echoed) < len(data):
        piece = data[len(echoed) : len(echoed) + rng.randint(len(data) // 16 + 1, len(data) // 8 + 1)]
        writer.write(piece)
        echoed += await reader.readexactly(len(piece))
    writer.write_eof()
    return echoed + await reader.read()


async def half_close(_rng, data, reader, writer, _moment):
    """Sends all and half-closes at once: the echo and its end come after."""
    writer.write(data)
    writer.write_eof()
    return await reader.read()


async def late(_rng, data, reader, writer, moment):
    """Sends all, and reads nothing until every connection that is not late has ended."""
    writer.transport.pause_reading()
    writer.write(data)
    writer.write_eof()
    await moment.event.wait()
    writer.transport.resume_reading()
    return await reader.read()


async def reset(rng, data, reader, writer, _moment):
    """Resets the connection after it has read a part, perhaps none, of its echo."""
    part = rng.choice([0, rng.randint(0, len(data))])
    writer.write(data)
    echoed = await reader.readexactly(part)
    if echoed != data[:part]:
        wrong.append("reset: other bytes came back")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    writer.transport.abort()
    return None


KINDS = [talk, ping_pong, half_close, late, reset]


async def connection(number, all_open, all_punctual_done):
    rng = random.Random(f"{SEED} {number}")
    kind = KINDS[number % len(KINDS)]
    largest = rng.choice([1_000, 100_000, LARGEST])
    size = {0: 0, 1: LARGEST, 2: LARGEST, 3: LARGEST}.get(number, rng.randint(0, largest))
    data = rng.getrandbits(8 * size + 8).to_bytes(size + 1, "little")[:size]
    try:
        sock = socket.socket(socket.AF_INET6 if ":" in HOST else socket.AF_INET)
        sock.setblocking(False)
        if kind is late:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # its server must keep what it does not read
        await asyncio.get_running_loop().sock_connect(sock, (HOST, PORT))
        reader, writer = await asyncio.open_connection(sock=sock)
        result["open"] += 1
        result["most"] = max(result["most"], result["open"])
        all_open.arrive()
        await all_open.event.wait()
        echoed = await kind(rng, data, reader, writer, all_punctual_done)
        if echoed is None:
            result["reset"] += 1
        elif echoed == data:
            result["equal"] += 1
            result["bytes"] += size
        else:
            wrong.append(f"{kind.__name__} {number}: sent {size} bytes, {len(echoed)} came back or others")
        writer.close()
    except (OSError, EOFError) as error:
        wrong.append(f"{kind.__name__} {number}: {error!r}")
    finally:
        result["open"] -= 1
        all_open.arrive()
        if kind is not late:
            all_punctual_done.arrive()


async def main():
    all_open = Moment(CONNECTIONS)
    punctual = sum(KINDS[number % len(KINDS)] is not late for number in range(CONNECTIONS))
    all_punctual_done = Moment(punctual)
    await asyncio.wait_for(
        asyncio.gather(*(connection(n, all_open, all_punctual_done) for n in range(CONNECTIONS))), DEADLINE
    )
    keys = ("equal", "reset", "bytes", "most")
    print(json.dumps({**{key: result[key] for key in keys}, "wrong": wrong[:5]}))


asyncio.run(main())
