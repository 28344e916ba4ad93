"""Our own load program, for as many connections as there can be: it is told what to ask, and by its meter what that cost the gateway."""

import json
import select
import subprocess

from loads import cost
from peers import PLACE, Meter, Void


class Load:
    """Connections that are kept until `end`; each has asked once when it is made."""

    def __init__(self, peer, **settings):
        self.peer = peer
        words = [f"{name}={value}" for name, value in settings.items()]
        program = PLACE / "programs" / "release" / "load"
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([program, *words], stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        try:
            self.line(60)
        except BaseException:
            self.kill()
            raise

    def line(self, deadline):
        """The next line that it prints; none voids the run."""
        there, _, _ = select.select([self.process.stdout], [], [], deadline)
        line = self.process.stdout.readline() if there else ""
        if not line:
            self.kill()
            raise Void(f"{self.process.args} said nothing, or ended: {self.process.stderr.read()[-1000:]}")
        return line

    def ask(self, much, deadline):
        """Has it load, as `seconds 2` or `requests 1000`; what it says of that."""
        self.process.stdin.write(f"{much}\n")
        self.process.stdin.flush()
        return json.loads(self.line(deadline))

    def measure(self, seconds):
        """What a request costs, as in `loads`."""
        meter = Meter(self.peer)
        found = self.ask(f"seconds {seconds}", seconds + 30)
        spent = meter.read()
        if not found["requests"]:
            raise Void(f"{self.process.args} has asked nothing")
        return cost(spent, found["requests"], found["seconds"])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """Ends the connections."""
        self.process.stdin.close()
        if self.process.wait(20):
            raise Void(f"{self.process.args} ended with {self.process.returncode}: {self.process.stderr.read()[-1000:]}")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.kill()
        else:
            self.end()
