"""Measures how cost grows: all curves in every round, and says whether one grows as it should not.

Called by `growth`, which installs and builds what is needed.
"""

import argparse
import json
import os
import pathlib
import resource
import signal
import sys

import loads
import peers
from curves import CURVES, gateway, most_connections, warm
from peers import PLACE, Peer
from runs import Parser, keep, record

# Rounds, and seconds a step.
QUICK = (2, 0.5)
FULL = (3, 2)


def arguments():
    curves = "\n".join(f"  {name:12} {curve.says}" for name, curve in CURVES.items())
    parser = Parser(
        prog="benches/compare/growth",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures how the gateway's processor time a request, and its memory, grow.",
        epilog=f"curves, all unless some are named:\n{curves}",
    )
    parser.add_argument("names", nargs="*", metavar="CURVE", help="what is measured")
    parser.add_argument("--quick", action="store_true", help="fewer, shorter and smaller runs: whether all works, no figures to quote")
    parser.add_argument("--rounds", type=int, help=f"how often each is run ({FULL[0]}; --quick {QUICK[0]})")
    parser.add_argument("--seconds", type=float, help=f"how long each step is measured ({FULL[1]}; --quick {QUICK[1]})")
    parser.add_argument("--cores", default="1,0", metavar="GATEWAY,LOAD", help="the core of the gateway, and that of load and origin")
    parser.add_argument("--output", type=pathlib.Path, default=PLACE / "growth", help="where figures and tables go (%(default)s)")
    parser.add_argument("--plots", type=pathlib.Path, help="where plots of a whole run go, as docs/plots (where figures go)")
    parser.add_argument("--again", type=pathlib.Path, metavar="JSON", help="only draw the tables and plots of earlier figures again")
    # For `growth`: says which curves these are, and measures nothing.
    parser.add_argument("--curves", action="store_true", help=argparse.SUPPRESS)
    found = parser.parse_args()
    found.names = parser.known(found.names, CURVES, "curve")
    rounds, seconds = QUICK if found.quick else FULL
    found.rounds, found.seconds = found.rounds or rounds, found.seconds or seconds
    found.peer_core, found.load_core = parser.cores(found.cores)
    return found


class Rig:
    """The origin, and what has been found."""

    def __init__(self, asked):
        self.asked = asked
        self.notes = []
        self.samples = []

    def __enter__(self):
        peers.prepare()
        self.files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # The load program inherits it.
        os.sched_setaffinity(0, {self.asked.load_core})
        self.origin = Peer("origin", self.asked.load_core)
        try:
            self.origin.wait()
            with gateway(self) as peer:
                loads.limits(peer, "plain")
                # What comes first on a machine that was idle costs more.
                warm(peer)
        except BaseException:
            self.origin.stop()
            raise
        return self

    def __exit__(self, *_):
        self.origin.stop()

    def steps(self, name):
        """Those of a curve, as far as they are asked for and can be had here."""
        curve = CURVES[name]
        most = curve.quick if self.asked.quick and curve.quick else curve.steps[-1]
        if name == "connections" and most > (there := most_connections(self.files)):
            most = there
            note = f"connections: {most:,} in place of {curve.steps[-1]:,}, since a process may have {self.files:,} files open here"
            if note not in self.notes:
                self.notes.append(note)
        return [step for step in curve.steps if step < most] + [most]


def measure(rig):
    """All runs."""
    for turn in range(rig.asked.rounds):
        for name in rig.asked.names:
            for series, step, found in CURVES[name].run(rig, rig.steps(name)):
                rig.samples.append({"curve": name, "series": series, "step": step, "round": turn} | found)
                shown = f"cpu {found['cpu']:.6g} us, busy {found['busy']:.0%}"
                if "memory" in found:
                    shown += f", {found['memory']:.6g} {CURVES[name].memory}"
                print(f"round {turn + 1} of {rig.asked.rounds}: {name:11} {series:12} {step:>10,} {shown}", flush=True)


def measured(asked):
    """What was found, and of the machine what it depends on."""
    result = record(Rig(asked), measure)
    machine = {what: result["machine"][what] for what in ["processor", "kernel", "rustc"]}
    return result | {"quick": asked.quick, "machine": machine}


def main():
    asked = arguments()
    if asked.curves:
        print(*asked.names)
        return
    # Not there yet when `growth` asks for the curves.
    import growth_plots
    import growth_table

    if asked.again:
        result = json.loads(asked.again.read_text())
        asked.output = asked.again.parent
    else:
        result = measured(asked)
        keep(result, asked.output)
    if result["samples"]:
        text = growth_table.text(result)
        (asked.output / "table.txt").write_text(text)
        print("\n" + text)
        # What is no figure to quote does not take the place of what is.
        plots = asked.output if result["void"] or result["quick"] else asked.plots or asked.output
        plots.mkdir(parents=True, exist_ok=True)
        growth_plots.draw(result, plots)
        print(f"Figures and tables in {asked.output}, plots in {plots}")
    if result["void"]:
        sys.exit(f"\nVoid: {result['void']}")
    if growth_table.is_broken(result):
        sys.exit(1)


if __name__ == "__main__":
    # Whoever ends it ends the gateway with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
