"""Measures builds of the gateway beside each other, or puts one to the work by which another is built.

builds.py BUILD...           the first is what the others are compared with
builds.py --train PROGRAM

Called by `builds`, which makes them, and by `profile`.
"""

import contextlib
import os
import pathlib
import signal
import statistics
import sys

import peers
from loads import h2load, refused, wrk
from peers import PLACE, Peer, Void

ROUNDS, SECONDS = 5, 3
TRAINING, TRAINING_RARER = 5, 2
# How long the gateway may wait for what is at work when it is told to stop.
DRAIN = 15
CORE, LOAD_CORE = 1, 0
ROWS = ("put", "get", "409")


def run(program):
    """What a request costs by row, in microseconds, with a gateway of its own."""
    with gateway(program) as peer:
        return plain(peer, SECONDS)


def train(program):
    """All that a gateway does often, so that it counts what it does: over each listener, and much of it as it is done most."""
    with gateway(program) as peer:
        plain(peer, TRAINING)
        for kind in ("put", "get"):
            wrk(peer, "tls", kind, TRAINING_RARER)
        h2load(peer, "h2c", "get", TRAINING_RARER, 8, 8)
        h2load(peer, "h2c", "put", TRAINING_RARER, 1, 64)
        # What has been counted is written when it ends by itself.
        peer.process.terminate()
        peer.process.wait(DRAIN)


@contextlib.contextmanager
def gateway(program):
    """This program at work."""
    os.environ["COMPARE_GATEWAY"] = str(program)
    peer = Peer("writegate", CORE).wait()
    try:
        yield peer
    finally:
        peer.stop()


def plain(peer, seconds):
    """The rows over HTTP/1.1."""
    costs = {kind: wrk(peer, "plain", kind, seconds)["cpu"] for kind in ("put", "get")}
    # Training waits for the origin to end its work.
    costs["409"] = refused(peer, "plain", seconds, held=seconds + 10)["cpu"]
    return costs


def measure(builds):
    """All builds in each round, another one first each time."""
    costs = {build: {row: [] for row in ROWS} for build in builds}
    for turn in range(ROUNDS):
        first = turn % len(builds)
        for build in builds[first:] + builds[:first]:
            for row, cost in run(PLACE / "builds" / build).items():
                costs[build][row].append(cost)
            shown = ", ".join(f"{row} {found[-1]:.2f}" for row, found in costs[build].items())
            print(f"round {turn + 1} of {ROUNDS}: {build:8} {shown}", flush=True)
    return costs


def table(costs):
    """Medians in microseconds, and the ratio to the first build round by round, with its least and greatest."""
    first = next(iter(costs))
    yield "| build | " + " | ".join(f"`{row}`, µs a request | of {first}" for row in ROWS) + " |"
    yield "|---|" + "---|---|" * len(ROWS)
    for build, found in costs.items():
        cells = []
        for row in ROWS:
            ratios = [cost / base for cost, base in zip(found[row], costs[first][row])]
            spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"
            cells += [f"{statistics.median(found[row]):.1f}", "–" if build == first else spread]
        yield f"| {build} | " + " | ".join(cells) + " |"


def main():
    peers.prepare()
    os.sched_setaffinity(0, {LOAD_CORE})
    origin = Peer("origin", LOAD_CORE).wait()
    try:
        if sys.argv[1] == "--train":
            train(pathlib.Path(sys.argv[2]))
        else:
            print("\n" + "\n".join(table(measure(sys.argv[1:]))))
    except Void as reason:
        sys.exit(f"Void: {reason}")
    finally:
        origin.stop()


if __name__ == "__main__":
    # Whoever ends it ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
