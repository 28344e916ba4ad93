"""WebSockets and raw tunnels through the gateway. Ends with 0 if every byte came back.

tunnel_clients.py HOST:PORT
"""

import asyncio
import os
import sys

from websockets.asyncio.client import connect

ADDR = sys.argv[1]
HOST, PORT = ADDR.rsplit(":", 1)
UPGRADE = "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"


async def messages():
    async with connect(f"ws://{ADDR}/echo", max_size=16 << 20, compression=None) as socket:
        for message in ("", "short", b"\x00\xff" * 300, "é" * 400):
            await socket.send(message)
            assert await socket.recv() == message
        await socket.send(f"part {number} " for number in range(50))
        whole = "".join(f"part {number} " for number in range(50))
        assert await socket.recv() == whole
        large = os.urandom(16 << 20)
        await socket.send(large)
        assert await socket.recv() == large
        # In fragments, and a control frame between two of them.
        await socket.send(large[at : at + (1 << 20)] for at in range(0, len(large), 1 << 20))
        await (await socket.ping())
        assert await socket.recv() == large
    assert socket.close_code == 1000


async def with_compression():
    async with connect(f"ws://{ADDR}/echo") as socket:
        await socket.send("x" * 5000)
        assert await socket.recv() == "x" * 5000


async def tunnel(target):
    reader, writer = await asyncio.open_connection(HOST, int(PORT))
    writer.write(UPGRADE.format(target).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    return reader, writer


async def halves():
    reader, writer = await tunnel("/client-first")
    writer.write(b"x" * 100000)
    writer.write_eof()
    assert await reader.read(-1) == b"100000"
    reader, writer = await tunnel("/server-first")
    assert await reader.read(-1) == b"enough"
    writer.write(b"y" * 200000)
    await writer.drain()
    writer.write_eof()
    reader, _ = await tunnel("/tell")
    assert await reader.read(-1) == b"200000"


async def main():
    async with asyncio.timeout(100):
        await asyncio.gather(messages(), *(with_compression() for _ in range(20)))
        await halves()
    print("every byte came back")


asyncio.run(main())
