"""Runs the rows, every peer in turn in every round, and hands over what was found.

Called by `run`, which installs and builds what is needed.
"""

import argparse
import json
import os
import pathlib
import signal
import sys

import loads
import peers
from peers import PLACE, Peer, Void
from rows import ROWS, peer_names
from runs import Parser, keep, record

# Rounds, and seconds a run.
QUICK = (2, 1)
FULL = (5, 3)


def arguments():
    rows = "\n".join(f"  {name:8} {row.says}" for name, row in ROWS.items())
    parser = Parser(
        prog="benches/compare/run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures the gateway beside nginx, HAProxy and a byte pump: processor time a request, by the operating system.",
        epilog=f"rows, all unless some are named:\n{rows}",
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help="what is measured")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs: whether all works, no figures to quote")
    parser.add_argument("--rounds", type=int, help=f"how often each is run ({FULL[0]}; --quick {QUICK[0]})")
    parser.add_argument("--seconds", type=int, help=f"how long a run takes ({FULL[1]}; --quick {QUICK[1]})")
    parser.add_argument("--cores", default="1,0", metavar="PEER,LOAD", help="the core of what is measured, and that of load and origin")
    parser.add_argument("--output", type=pathlib.Path, default=PLACE / "results", help="where figures and plots go (%(default)s)")
    parser.add_argument("--plot", type=pathlib.Path, metavar="JSON", help="only draw the table and plots of earlier figures again")
    # For `run`: says which rows these are, and measures nothing.
    parser.add_argument("--rows", action="store_true", dest="says_rows", help=argparse.SUPPRESS)
    found = parser.parse_args()
    found.rows = parser.known(found.rows, ROWS, "row")
    rounds, seconds = QUICK if found.quick else FULL
    found.rounds, found.seconds = found.rounds or rounds, found.seconds or seconds
    found.peer_core, found.load_core = parser.cores(found.cores)
    return found


class Rig:
    """All that runs while it is measured."""

    def __init__(self, asked):
        self.asked = asked
        self.peers = {}
        # What is found once for all runs.
        self.rate = None
        self.static = None
        self.notes = []
        self.samples = []
        self.all_cores = os.sched_getaffinity(0)

    def __enter__(self):
        peers.prepare()
        # The load generators inherit it.
        os.sched_setaffinity(0, {self.asked.load_core})
        try:
            for name in peer_names(self.asked.rows):
                core = self.asked.load_core if name == "origin" else self.asked.peer_core
                self.peers[name] = Peer(name, core)
                self.peers[name].wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for peer in self.peers.values():
            peer.stop()

    def unpinned(self):
        """For a child that may have all cores."""
        os.sched_setaffinity(0, self.all_cores)

    def run(self, row, name):
        """One run of one peer."""
        if not row.fresh:
            return row.run(self, self.peers[name], self.asked.seconds)
        # One that is not asked for by other rows may stand on the ports.
        standing = self.peers.pop(name, None)
        if standing:
            standing.stop()
        peer = Peer(name, self.asked.peer_core)
        try:
            if row.run.__name__ != "start":
                peer.wait()
            return row.run(self, peer, self.asked.seconds)
        finally:
            peer.stop()
            if standing:
                self.peers[name] = Peer(name, self.asked.peer_core).wait()


def measure(rig):
    """All runs: in each round all rows, in each row all peers, another one first each time."""
    asked = rig.asked
    for turn in range(asked.rounds):
        for name in asked.rows:
            row = ROWS[name]
            if name == "size" and turn:
                continue
            first = turn % len(row.peers)
            for peer in row.peers[first:] + row.peers[:first]:
                found = rig.run(row, peer)
                rig.samples.append({"row": name, "peer": peer, "round": turn} | found)
                shown = ", ".join(f"{key} {value:.6g}" for key, value in found.items())
                print(f"round {turn + 1} of {asked.rounds}: {name:8} {peer:10} {shown}", flush=True)


def main():
    asked = arguments()
    if asked.says_rows:
        print(*asked.rows)
        return
    # Not there yet when `run` asks for the rows.
    import plots
    import table

    if asked.plot:
        result = json.loads(asked.plot.read_text())
        asked.output = asked.plot.parent
    else:
        result = record(Rig(asked), measure)
        keep(result, asked.output)
    if result["samples"]:
        text = table.text(result)
        (asked.output / "table.txt").write_text(text)
        print("\n" + text)
        plots.draw(result, asked.output)
        print(f"In {asked.output}: " + ", ".join(sorted(file.name for file in asked.output.iterdir())))
    if result["void"]:
        print(f"\nVoid: {result['void']}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    # Whoever ends it ends the peers with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
