"""httplint as a library: what it finds in one response."""

import argparse
import time

from httplint.cli.http_parser import HttpCliParser, modes


class Linter(HttpCliParser):
    """Keeps what it finds instead of printing it."""

    def __init__(self):
        super().__init__(argparse.Namespace(mode=modes.RESPONSE), time.time())
        self.found = None

    def input_end(self, trailers):
        self.linter.finish_content(True, trailers)
        self.found = [found for note in self.linter.notes for found in [note, *note.subnotes]]
