"""Sends bytes, with escapes as in Python; closes its half once there is a line to read, or no more; then writes what comes
until the end.

half_close.py HOST PORT BYTES
"""

import socket
import sys

host, port, text = sys.argv[1:]
with socket.create_connection((host, int(port)), timeout=20) as connection:
    connection.sendall(text.encode().decode("unicode_escape").encode("latin-1"))
    sys.stdin.readline()
    connection.shutdown(socket.SHUT_WR)
    print("half-closed", flush=True)
    while got := connection.recv(65536):
        sys.stdout.buffer.write(got)
