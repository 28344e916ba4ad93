"""A gRPC server whose messages are bytes.

calls.py PORT
"""

import asyncio
import sys

import grpc

WRITING = asyncio.Event()
CANCELLED = asyncio.Event()
GO_ON = asyncio.Event()


async def echo(request, context):
    context.set_trailing_metadata((("x-trailer", "at the end"),))
    return request


async def count(request, _context):
    for number in range(int(request)):
        yield b"%d" % number


async def total(requests, _context):
    return b"%d" % sum([len(request) async for request in requests])


async def talk(requests, _context):
    async for request in requests:
        yield request.upper()


async def hang(_request, _context):
    try:
        await asyncio.Event().wait()
    finally:
        CANCELLED.set()


async def was_cancelled(_request, _context):
    await CANCELLED.wait()
    CANCELLED.clear()
    return b"yes"


async def fail(_request, context):
    await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "as asked: é")


async def write(request, _context):
    WRITING.set()
    await GO_ON.wait()
    return request


async def until_writing(_request, _context):
    await WRITING.wait()
    return b""


async def go_on(_request, _context):
    GO_ON.set()
    return b""


METHODS = {
    "Echo": grpc.unary_unary_rpc_method_handler(echo),
    "Count": grpc.unary_stream_rpc_method_handler(count),
    "Total": grpc.stream_unary_rpc_method_handler(total),
    "Talk": grpc.stream_stream_rpc_method_handler(talk),
    "Hang": grpc.unary_unary_rpc_method_handler(hang),
    "WasCancelled": grpc.unary_unary_rpc_method_handler(was_cancelled),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Write": grpc.unary_unary_rpc_method_handler(write),
    "UntilWriting": grpc.unary_unary_rpc_method_handler(until_writing),
    "GoOn": grpc.unary_unary_rpc_method_handler(go_on),
}


async def main():
    server = grpc.aio.server(options=(("grpc.max_receive_message_length", 64 << 20), ("grpc.max_send_message_length", 64 << 20)))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Calls", METHODS),))
    assert server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    await server.start()
    await server.wait_for_termination()


asyncio.run(main())
