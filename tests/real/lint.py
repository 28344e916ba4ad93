"""Has httplint and redbot look at the gateway's own answers, in every form. Ends with 1 if one of them finds
anything bad, or warns of anything but the status.

lint.py http://HOST:PORT
"""

import json
import pathlib
import socket
import subprocess
import sys
import urllib.parse

from httplint.note import levels

from held import held
from linter import Linter

BASE = sys.argv[1]
AUTHORITY = urllib.parse.urlsplit(BASE).netloc
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
APP = "Origin: https://app.example"

# What is asked, by its name, and what the answer has to begin with and to have.
ASKED = {
    "problem": ("PUT /orders/7", [], "409", "application/problem+json"),
    "problem, another origin": ("PUT /orders/7", [APP], "409", "application/problem+json"),
    "text": ("PUT /orders/7", ["Accept: text/plain"], "409", "text/plain"),
    "page": ("PUT /orders/7", [f"Accept: {BROWSER}"], "409", "text/html"),
    "page for a GET": ("GET /orders/7/reading", [f"Accept: {BROWSER}"], "409", "text/html"),
    "gRPC": ("POST /orders/7", ["Content-Type: application/grpc"], "200", "application/grpc"),
    "gRPC-Web": ("POST /orders/7", ["Content-Type: application/grpc-web+proto", APP], "200", "application/grpc-web"),
    "423": ("PUT /orders/7/locked", [], "423", "application/problem+json"),
    "429": ("PUT /orders/7/busy", [f"Accept: {BROWSER}"], "429", "text/html"),
    "503": ("PUT /orders/7/full", ["Accept: text/plain"], "503", "text/plain"),
    "missing key": ("PUT /keyed", [f"Accept: {BROWSER}"], "400", "text/html"),
    "malformed": ("PUT /orders/7", ["Host: other.example"], "400", "application/problem+json"),
}


# What both say of any 400.
STATUS_400 = "The server didn't understand the request."


def exchange(start, lines):
    host, port = AUTHORITY.rsplit(":", 1)
    fields = "".join(f"{line}\r\n" for line in lines)
    request = f"{start} HTTP/1.1\r\nHost: {AUTHORITY}\r\nConnection: close\r\n{fields}Content-Length: 0\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(request.encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def by_httplint(name):
    start, lines, status, content_type = ASKED[name]
    answer = exchange(start, lines)
    head = answer.split(b"\r\n\r\n")[0].decode()
    is_it = head.startswith(f"HTTP/1.1 {status} ") and f"\r\ncontent-type: {content_type}" in head
    assert is_it and "\r\nproxy-status: writegate;" in head, f"{name}: {head}"
    linter = Linter()
    linter.handle_input(answer)
    assert not linter.failed and linter.found, f"{name}: httplint cannot read {answer}"
    return [(note.level.name, note.summary) for note in linter.found]


def by_redbot():
    redbot = pathlib.Path(sys.executable).with_name("redbot")
    command = [redbot, "-o", "har", f"{BASE}/orders/7/reading"]
    said = subprocess.run(command, capture_output=True, check=True, timeout=100).stdout
    entries = json.loads(said)["log"]["entries"]
    assert entries and all(entry["response"]["status"] == 409 for entry in entries), said
    messages = [message for entry in entries for message in entry["_red_messages"]]
    return [(message["level"], message["summary"]) for message in messages]


with held(BASE, 7):
    found = {name: by_httplint(name) for name in ASKED}
    found["redbot"] = by_redbot()
for name, notes in found.items():
    print(f"{name}:", *(f"\n  {level}: {summary}" for level, summary in notes))
wrong = (levels.BAD.name, levels.WARN.name)
bad = [name for name, notes in found.items() if any(level in wrong and said != STATUS_400 for level, said in notes)]
sys.exit(f"bad: {bad}" if bad else 0)
