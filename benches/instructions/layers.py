"""Whose instructions a case of the benches executes: by the source file of each line, inlined ones too.

layers.py FILE...     files of Callgrind's with a line for each line of source, and all names in full
"""

import collections
import re
import sys

# As in main.rs.
ROUNDS = 100


def layer(file):
    """The crate that a source file belongs to."""
    crate = re.search(r"/registry/src/[^/]+/(.+?)-\d[^/]*/", file)
    if crate:
        return crate[1]
    if "/rustc/" in file or "/library/" in file:
        return "Rust's own library"
    if "sysdeps" in file or file.endswith(".c"):
        return "the C library"
    if file.startswith("src/") or "/src/" in file:
        return "writegate"
    return "the bench, or unknown"


def counts(path):
    """Instructions by layer."""
    found, file, is_inclusive = collections.Counter(), "", False
    for line in open(path, errors="replace"):
        if re.match(r"(fl|fi|fe)=", line):
            file = line.rstrip().partition("=")[2]
        elif line.startswith("calls="):
            is_inclusive = True
        elif re.match(r"[\d+*-]", line):
            if not is_inclusive:
                found[layer(file)] += int(line.split()[-1])
            is_inclusive = False
    return found


for path in sys.argv[1:]:
    print(path)
    for name, instructions in counts(path).most_common():
        if instructions >= ROUNDS:
            print(f"{instructions / ROUNDS:10,.0f}  {name}")
