"""gRPC calls of every kind through the gateway. Ends with 0 if each came to what it should.

call_clients.py HOST:PORT
"""

import asyncio
import sys

import grpc

LARGE = b"0123456789abcdef" * (1 << 18)


async def unary(channel):
    echo = channel.unary_unary("/test.Calls/Echo")
    for message in (b"", b"short", LARGE):
        call = echo(message)
        assert await call == message
        assert ("x-trailer", "at the end") in tuple(await call.trailing_metadata())
    answers = await asyncio.gather(*(echo(b"%d" % number) for number in range(200)))
    assert answers == [b"%d" % number for number in range(200)]


async def streams(channel):
    counted = [answer async for answer in channel.unary_stream("/test.Calls/Count")(b"1000")]
    assert counted == [b"%d" % number for number in range(1000)]
    assert await channel.stream_unary("/test.Calls/Total")(iter([LARGE, b"x", LARGE])) == b"%d" % (2 * len(LARGE) + 1)
    talk = channel.stream_stream("/test.Calls/Talk")()
    # Each answer comes before the next question: nothing is kept back on the way.
    for word in (b"one", b"two", b"three"):
        await talk.write(word)
        assert await talk.read() == word.upper()
    await talk.done_writing()
    assert await talk.read() is grpc.aio.EOF
    assert await talk.code() == grpc.StatusCode.OK


async def fails_with(code, call):
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        assert error.code() == code, error
        return error
    raise AssertionError(f"{answer} instead of {code}")


async def ends(channel):
    hang = channel.unary_unary("/test.Calls/Hang")
    was_cancelled = channel.unary_unary("/test.Calls/WasCancelled")
    await fails_with(grpc.StatusCode.DEADLINE_EXCEEDED, hang(b"", timeout=0.5))
    assert await was_cancelled(b"") == b"yes"
    call = hang(b"")
    await channel.unary_unary("/test.Calls/Echo")(b"")
    call.cancel()
    assert await was_cancelled(b"") == b"yes"
    error = await fails_with(grpc.StatusCode.FAILED_PRECONDITION, channel.unary_unary("/test.Calls/Fail")(b""))
    assert error.details() == "as asked: é"
    await fails_with(grpc.StatusCode.UNIMPLEMENTED, channel.unary_unary("/test.Calls/None")(b""))


async def conflict(channel):
    write = channel.unary_unary("/test.Calls/Write")
    first = write(b"first")
    await channel.unary_unary("/test.Calls/UntilWriting")(b"")
    error = await fails_with(grpc.StatusCode.ABORTED, write(b"second"))
    assert "write" in error.details(), error
    await channel.unary_unary("/test.Calls/GoOn")(b"")
    assert await first == b"first"
    assert await write(b"third") == b"third"


async def main():
    sizes = (("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20))
    async with asyncio.timeout(100), grpc.aio.insecure_channel(sys.argv[1], options=sizes) as channel:
        await asyncio.gather(unary(channel), streams(channel))
        await ends(channel)
        if "--without-conflict" not in sys.argv:
            await conflict(channel)
    print("every call came to what it should")


asyncio.run(main())
