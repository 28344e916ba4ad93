"""What `run` and `growth` have in common: how they are asked, and what is written down of what they find."""

import argparse
import json
import os
import time

import loads
from peers import Void


class Parser(argparse.ArgumentParser):
    """Ends with the code of sysexits.h for what is asked wrongly."""

    def error(self, message):
        self.exit(64, f"{self.format_usage()}{message}\n")

    def known(self, names, kinds, kind):
        """These names, or all that there are; each is that of a kind that there is."""
        unknown = [name for name in names if name not in kinds]
        if unknown:
            self.error(f"no such {kind}: {', '.join(unknown)}; there are {', '.join(kinds)}")
        return names or list(kinds)

    def cores(self, text):
        """The two that are asked for, if they are two and there."""
        try:
            peer, load = (int(core) for core in text.split(","))
        except ValueError:
            self.error("--cores takes two numbers, as 1,0")
        if not {peer, load} <= os.sched_getaffinity(0) or peer == load:
            self.error(f"two cores are needed; of those asked for by --cores, {text}, not both can be used")
        return peer, load


def record(rig, measure):
    """What was found, and if a run was void, why: what came before it is kept, and is worth no more than a look."""
    begun = time.time()
    machine = loads.machine()
    void = None
    try:
        with rig:
            measure(rig)
    except Void as reason:
        void = str(reason)
    return {
        "when": time.strftime("%Y-%m-%d %H:%M", time.gmtime(begun)),
        "minutes": round((time.time() - begun) / 60, 1),
        "rounds": rig.asked.rounds,
        "seconds": rig.asked.seconds,
        "void": void,
        "machine": machine,
        "notes": rig.notes,
        "samples": rig.samples,
    }


def keep(result, output):
    """Writes the figures where they can be read again."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "figures.json").write_text(json.dumps(result, indent=1) + "\n")
