"""What is measured: for each row the peers, the work of one run, and the target that the gateway has.

A run gives figures by name, the less the better; `targets` names the figure, the peer, and what the ratio to it may be at most.
"""

import os
import pathlib
import socket
import statistics
import subprocess
import time

import loads
from peers import PLACE, Void

IDLE = 8_000
PROXIES = ["nginx", "haproxy", "writegate"]


class Row:
    """One kind of work: `run` is given the rig, a peer and the seconds, and gives figures by name."""

    def __init__(self, says, unit, run, peers=PROXIES, targets=(), limits=(), also=(), fresh=False):
        self.says = says
        self.unit = unit
        self.run = run
        self.peers = peers
        # (figure, peer, at most, aim): of the ratio to this peer.
        self.targets = targets
        # (figure, at most, aim): of the gateway's own figure.
        self.limits = limits
        # Figures that have no target, and are shown.
        self.also = also
        # Whether each run starts a peer of its own.
        self.fresh = fresh

    def figures(self):
        """Which of its figures are shown."""
        return list(dict.fromkeys([target[0] for target in [*self.targets, *self.limits]] + list(self.also)))


def beside(figure, nginx, haproxy, pump=None):
    """Targets as they are written down: at most, and the aim, beside each."""
    found = [(figure, "nginx", *nginx), (figure, "haproxy", *haproxy)]
    return found + ([(figure, "pump", *pump)] if pump else [])


def put(rig, peer, seconds):
    loads.limits(peer, "plain")
    return loads.wrk(peer, "plain", "put", seconds)


def get(rig, peer, seconds):
    return loads.wrk(peer, "plain", "get", seconds)


def refused(rig, peer, seconds):
    return loads.refused(peer, "plain", seconds)


def latency(rig, peer, seconds):
    if rig.rate is None:
        # Half of what nginx can, found once for all.
        rates = [loads.wrk(rig.peers["nginx"], "plain", "put", seconds)["rate"] for _ in range(3)]
        rig.rate = int(statistics.median(rates) / 2)
    loads.limits(peer, "plain")
    return loads.oha(peer, "plain", rig.rate, seconds + 1) | {"asked": rig.rate}


def over_unix(rig, peer, seconds):
    sockets = rig.peers["writegate-unix"] if peer.name == "writegate" else peer
    loads.limits(sockets, "unix")
    unix = loads.wrk(sockets, "unix", "put", seconds)
    tcp = loads.wrk(peer, "plain", "put", seconds)
    return {"cpu": unix["cpu"], "of tcp": unix["cpu"] / tcp["cpu"], "tcp": tcp["cpu"], "rate": unix["rate"]}


def h2_get(rig, peer, seconds):
    return loads.h2load(peer, "h2c", "get", seconds, 8, 8)


def h2_put(rig, peer, seconds):
    loads.limits(peer, "h2c")
    return loads.h2load(peer, "h2c", "put", seconds, 1, 64)


def tls(rig, peer, seconds):
    loads.limits(peer, "tls")
    return loads.wrk(peer, "tls", "put", seconds)


def idle(rig, peer, seconds):
    """Connections that have asked once and stay."""
    asked = b"GET /orders/7 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    clients = [ask(peer, asked)]
    time.sleep(0.3)
    before = peer.resident()
    clients += [ask(peer, asked) for _ in range(IDLE)]
    # Time to give back what was for the request: the gateway looks once a second which connections are idle, and its allocator
    # returns in its own time what it was given.
    time.sleep(10)
    after = peer.resident()
    for client in clients:
        client.setblocking(False)
        try:
            client.recv(1)
        except BlockingIOError:
            client.close()
        else:
            raise Void(f"{peer.name}: a connection that was to be idle has ended")
    return {"KiB": (after - before) / IDLE / 1024, "resident MiB": after / 2**20}


def ask(peer, request):
    client = socket.create_connection(("127.0.0.1", peer.ports["plain"]), 10)
    client.sendall(request)
    answer = client.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise Void(f"{peer.name} answered {answer[:100]}")
    return client


def start(rig, peer, seconds):
    """From the start of the process to the first request that is answered."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            ask(peer, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").close()
            return {"ms": (time.monotonic() - peer.begun) * 1e3, "cpu ms": peer.cpu() * 1e3}
        except ConnectionError:
            time.sleep(0.0002)
    raise Void(f"{peer.name} has answered nothing in 10 s")


def size(rig, peer, seconds):
    """The program as one file that needs no other, as far as the toolchain can make one."""
    return {"MiB": os.path.getsize(static(rig)) / 2**20}


def static(rig):
    """Builds it, once: with musl if that target is installed, else with the C library of the system within it."""
    if rig.static is None:
        installed = subprocess.run(["rustup", "target", "list", "--installed"], capture_output=True, text=True).stdout.split()
        musl = "x86_64-unknown-linux-musl"
        host = next(line.split()[1] for line in loads.output(["rustc", "-vV"], 10).splitlines() if line.startswith("host:"))
        kind = musl if musl in installed else host
        if kind == host:
            rig.notes.append(f"size: no target {musl} here (`rustup target add {musl}`): built for {host} with +crt-static instead")
        place = PLACE / "static"
        words = ["cargo", "build", "-q", "--release", "--locked", "--target", kind, "--target-dir", place]
        environment = os.environ | {"RUSTFLAGS": "-C target-feature=+crt-static"}
        subprocess.run([str(word) for word in words], check=True, env=environment, preexec_fn=rig.unpinned)
        rig.static = pathlib.Path(place / kind / "release" / "writegate")
    return rig.static


ROWS = {
    "put": Row(
        "a guarded PUT over HTTP/1.1, 60 bytes, a path of its own for each; 64 connections that are kept", "us", put,
        ["pump", *PROXIES], beside("cpu", (1.00, 0.95), (0.95, 0.88), (None, 1.12)),
    ),
    "get": Row(
        "a GET passed through, the guards in place for writes", "us", get,
        ["pump", *PROXIES], beside("cpu", (1.00, 0.95), (0.95, 0.88), (None, 1.12)),
    ),
    "409": Row(
        "a PUT refused with 409: one path, held by an origin that works for a minute", "us", refused,
        targets=beside("cpu", (0.95, 0.80), (0.95, 0.80)),
    ),
    "latency": Row(
        "a guarded PUT at half of nginx's highest rate, open loop, timed from when it was due", "us", latency,
        targets=[("p50", "nginx", 1.00, None), ("p99", "nginx", 1.00, None)], also=["cpu"],
    ),
    "idle": Row(
        "memory of an idle connection: 8,000 that have asked once each, 10 s after that", "KiB", idle, limits=[("KiB", 8, 2)], fresh=True,
    ),
    "unix": Row(
        "the put row with the origin behind a Unix socket, and beside TCP", "us", over_unix, limits=[("of tcp", 1.00, None)], also=["cpu"],
    ),
    "h2": Row(
        "a GET over HTTP/2 in clear text, 8 connections of 8 streams", "us", h2_get,
        targets=beside("cpu", (1.10, None), (1.10, None)),
    ),
    "h2-put": Row(
        "a guarded PUT over HTTP/2 in clear text, one connection of 64 streams", "us", h2_put,
        targets=beside("cpu", (1.10, None), (1.10, None)),
    ),
    "tls": Row(
        "the put row within TLS 1.3", "us", tls, targets=beside("cpu", (1.10, None), (1.10, None)),
    ),
    "start": Row(
        "from the start of the process to the first answered request", "ms", start,
        limits=[("ms", 20, None)], also=["cpu ms"], fresh=True,
    ),
    "size": Row("the program as one static file", "MiB", size, ["writegate"], limits=[("MiB", 12, None)]),
}


def peer_names(names):
    """Which peers the rows need, but for those that a run starts itself."""
    needed = ["origin"]
    for name in names:
        if not ROWS[name].fresh:
            needed += ROWS[name].peers
        if name == "unix":
            needed.append("writegate-unix")
        if name == "latency":
            needed.append("nginx")
    return list(dict.fromkeys(needed))
