"""A WebSocket server that echoes, and a raw protocol whose halves are closed one by one.

tunnels.py PORT
"""

import asyncio
import sys

from websockets.asyncio.server import serve

RAW = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n"
MESSAGE = 16 << 20


async def echo(connection):
    async for message in connection:
        # In as many fragments as it likes.
        await connection.send(message if len(message) > 1000 else list(message[i : i + 7] for i in range(0, len(message), 7)) or message)


async def first_the_client(reader, writer):
    """Takes all that the client has to say, until it closes its half, and only then answers."""
    got = await reader.read(-1)
    writer.write(b"%d" % len(got))
    await writer.drain()


async def first_the_server(reader, writer):
    """Closes its own half, and goes on reading; what it got it tells a later caller."""
    writer.write(b"enough")
    writer.write_eof()
    LEFT.set_result(len(await reader.read(-1)))


async def tell(_reader, writer):
    got = await LEFT
    writer.write(b"%d" % got)
    await writer.drain()


HALVES = {b"/client-first": first_the_client, b"/server-first": first_the_server, b"/tell": tell}


async def relay(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def accept(reader, writer):
    head = await reader.readuntil(b"\r\n\r\n")
    target = head.split(b" ")[1]
    if target in HALVES:
        writer.write(RAW)
        await HALVES[target](reader, writer)
        writer.close()
        return
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", WEBSOCKETS)
    inner_writer.write(head)
    await asyncio.gather(relay(reader, inner_writer), relay(inner_reader, writer))


async def main():
    global LEFT, WEBSOCKETS
    LEFT = asyncio.get_running_loop().create_future()
    async with serve(echo, "127.0.0.1", 0, max_size=MESSAGE, compression=None) as server:
        WEBSOCKETS = server.sockets[0].getsockname()[1]
        front = await asyncio.start_server(accept, "127.0.0.1", int(sys.argv[1]))
        await front.serve_forever()


asyncio.run(main())
