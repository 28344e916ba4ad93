"""Reads what Callgrind has counted, and holds it against the ceilings.

ceilings.py DIRECTORY [--record]

Instructions and allocations are those of one round, on average. An allocation is a call of one of the functions by which the program
takes memory of mimalloc, seen by how often its first instruction was executed: the calls that Callgrind tells are also those of what is
not counted.
"""

import platform
import re
import subprocess
import sys
from math import ceil
from pathlib import Path

CEILINGS = Path(__file__).parent / "ceilings.txt"
# As in main.rs.
ROUNDS = 100
# How much above what was counted a ceiling stands: less than what one would want to know of, more than what chance makes.
MARGIN = 0.03
MARGIN_OF_ALLOCATIONS = 0.5
ALLOCATING = {"mi_malloc_aligned", "mi_zalloc_aligned", "mi_realloc_aligned"}
COMMAND = "benches/instructions/run"
COUNTED = ("instructions", "allocations")


def count(file):
    """Instructions and allocations of one file of Callgrind's, with a line for each instruction and all names in full."""
    instructions, function, is_inclusive = None, "", False
    executed = {name: {} for name in ALLOCATING}
    for line in file.read_text().splitlines():
        if line.startswith("fn="):
            function = re.sub(r"'\d+$", "", line.removeprefix("fn="))
        elif line.startswith("calls="):
            is_inclusive = True
        elif line.startswith("0x"):
            if function in executed and not is_inclusive:
                address, *_, times = line.split()
                executed[function][int(address, 16)] = executed[function].get(int(address, 16), 0) + int(times)
            is_inclusive = False
        elif line.startswith("summary:"):
            instructions = int(line.split()[1])
    allocations = sum(at[min(at)] for at in executed.values() if at)
    return instructions / ROUNDS, allocations / ROUNDS


def counts(directory):
    """What each case has come to, each time: instructions and allocations."""
    found = {}
    for file in sorted(directory.glob("**/callgrind.*.out")):
        found.setdefault(file.parent.name, []).append(count(file))
    if not found:
        sys.exit(f"nothing was counted in {directory}")
    return found


def circumstances():
    """What a count of instructions depends on beside the program: the compiler, and how the C library copies bytes."""
    compiler = subprocess.run(["rustc", "--version"], capture_output=True, check=True, text=True).stdout.split()[1]
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    known = [flag for flag in ("avx2", "erms", "fsrm") if flags and flag in flags[1].split()]
    return f"rustc {compiler}, {platform.machine()} {' '.join(known)}, {' '.join(platform.libc_ver())}"


def most(times):
    return tuple(map(max, zip(*times)))


def record(found):
    """Above the most by a margin, and by as much as the times differ; for allocations by less than one more would be."""
    lines = [
        f"# Written by `{COMMAND} --record`: the most instructions and allocations, each.",
        f"# {circumstances()}",
    ]
    for case, times in sorted(found.items()):
        instructions, allocations = most(times)
        spread = instructions - min(instructions for instructions, _ in times)
        lines.append(f"{case} {ceil(instructions * (1 + MARGIN) + spread)} {allocations + MARGIN_OF_ALLOCATIONS:.1f}")
    CEILINGS.write_text("\n".join(lines) + "\n")


def recorded():
    lines = CEILINGS.read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    return lines[1].removeprefix("# "), {case: (int(instructions), float(allocations)) for case, instructions, allocations in rows}


def compare(found, ceilings, held):
    """What is wrong, a line each, of what is held."""
    wrong = [f"{case} has a ceiling and was not counted" for case in ceilings if case not in found]
    for case, times in found.items():
        if case not in ceilings:
            wrong.append(f"{case} has no ceiling")
            continue
        for what, now, ceiling in zip(COUNTED, most(times), ceilings[case]):
            if what in held and now > ceiling:
                wrong.append(f"{case}: {now:,.2f} {what}, where the ceiling is {ceiling:,}: {now / ceiling - 1:.1%} above it")
    return wrong


def show(found, ceilings):
    print(f"{'each':40}{'instructions':>14}{'at most':>10}{'allocations':>14}{'at most':>10}")
    low = []
    for case, times in sorted(found.items()):
        instructions, allocations = most(times)
        ceiling, ceiling_of_allocations = ceilings.get(case, (0, 0))
        print(f"{case:40}{instructions:14.0f}{ceiling:10}{allocations:14.2f}{ceiling_of_allocations:10}")
        if instructions < ceiling * (1 - 3 * MARGIN) or allocations < ceiling_of_allocations - 1:
            low.append(case)
    if low:
        print(f"far below their ceilings, under which a slip could hide: {', '.join(low)}; `{COMMAND} --record`")


def main():
    found = counts(Path(sys.argv[1]))
    if "--record" in sys.argv[2:]:
        record(found)
    where, ceilings = recorded()
    show(found, ceilings)
    held = COUNTED
    if where != circumstances():
        held = ("allocations",)
        print(f"The ceilings are of {where}; this is {circumstances()}: of instructions nothing follows.", file=sys.stderr)
    wrong = compare(found, ceilings, held)
    if wrong:
        print("\n".join(["", *wrong]), file=sys.stderr)
        print(f"If it has to be: `{COMMAND} --record`, and say in the commit what it is for.", file=sys.stderr)
        sys.exit(1)


main()
