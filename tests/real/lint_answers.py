"""Has httplint read answers, one in each file of a directory. Ends with 1 if it finds anything bad, or warns of anything but the status.

lint_answers.py DIRECTORY
"""

import pathlib
import sys

from httplint.note import levels

from linter import Linter


def is_of_status(note):
    return type(note).__module__ == "httplint.status"


WRONG = (levels.BAD, levels.WARN)
bad = []
for path in sorted(pathlib.Path(sys.argv[1]).glob("answer-*")):
    linter = Linter()
    linter.handle_input(path.read_bytes())
    assert not linter.failed and linter.found, f"httplint cannot read {path}"
    status = path.read_bytes().split(b" ")[1].decode()
    print(path.name, status, *(f"\n  {note.level.name}: {note.summary}" for note in linter.found))
    bad += [f"{path.name}: {note.summary}" for note in linter.found if note.level in WRONG and not is_of_status(note)]
sys.exit("\n".join(bad) if bad else 0)
