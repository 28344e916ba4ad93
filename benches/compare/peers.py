"""The programs that are measured, and what the operating system says of them: processor time, memory.

Each is started from the configuration beside this file, pinned to one core that nothing else of ours is pinned to.
"""

import getpass
import os
import pathlib
import resource
import shutil
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).parent
PLACE = pathlib.Path(os.environ.get("COMPARE_PLACE", "target/compare")).resolve()
RUN = PLACE / "run"
DEADLINE = 10
# What 8,000 connections of clients take in a peer, and as many to the upstream at worst.
FILES = 20_000
ORIGIN = 7600
# By peer: the port of each listener.
PORTS = {
    "pump": {"plain": 7610},
    "nginx": {"plain": 7620, "unix": 7621, "tls": 7622, "h2c": 7623},
    "haproxy": {"plain": 7630, "unix": 7631, "tls": 7632, "h2c": 7633},
    # Its listeners speak both versions of HTTP.
    "writegate": {"plain": 7640, "tls": 7642, "h2c": 7640},
    "writegate-unix": {"unix": 7641},
    # The gateway whose configuration `curves.py` writes.
    "growth": {"plain": 7650},
}


class Void(Exception):
    """A run that says nothing: something failed, or was not what it was taken for."""


def prepare():
    """Makes the directory anew that configurations, sockets and logs stand in."""
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < FILES:
        raise Void(f"a process may have {most} files open here; {FILES} are needed (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for name in ["nginx.conf", "haproxy.cfg", "writegate.toml", "writegate-unix.toml"]:
        text = (HERE / name).read_text().replace("{dir}", str(RUN)).replace("{files}", str(min(most, 65536)))
        (RUN / name).write_text(text.replace("{user}", getpass.getuser()))
    certify()


def certify():
    """A certificate for the listeners with TLS: of the same kind, with the same key, for all."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", str(RUN / "key.pem"), "-out", str(RUN / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)
    (RUN / "both.pem").write_text((RUN / "certificate.pem").read_text() + (RUN / "key.pem").read_text())


def command(name):
    """The command line of a peer."""
    gateway = os.environ.get("COMPARE_GATEWAY", "target/release/writegate")
    programs = PLACE / "programs" / "release"
    return {
        "origin": [programs / "origin", f"127.0.0.1:{ORIGIN}", RUN / "origin.sock"],
        "pump": [programs / "pump", "127.0.0.1:7610", f"127.0.0.1:{ORIGIN}"],
        "nginx": ["nginx", "-e", "stderr", "-p", RUN, "-c", RUN / "nginx.conf"],
        "haproxy": ["haproxy", "-db", "-f", RUN / "haproxy.cfg"],
        "writegate": [gateway, "run", "--config", RUN / "writegate.toml"],
        "writegate-unix": [gateway, "run", "--config", RUN / "writegate-unix.toml"],
        # Without a line for each of a million outcomes that are unknown.
        "growth": ["env", "RUST_LOG=info,outcome=off", gateway, "run", "--config", RUN / "growth.toml"],
    }[name]


class Peer:
    """A running program; `stop` ends it and those that it has started."""

    def __init__(self, name, core):
        self.name = name
        self.core = core
        self.ports = PORTS.get(name, {"plain": ORIGIN})
        for port in self.ports.values():
            if answers(port):
                raise Void(f"port {port}, which {name} is to listen on, is taken")
        self.log = RUN / f"{name}.log"
        self.begun = time.monotonic()
        words = ["taskset", "-c", str(core)] + [str(word) for word in command(name)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def wait(self):
        """Until it listens."""
        deadline = time.monotonic() + DEADLINE
        while not all(answers(port) for port in self.ports.values()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Void(f"{self.name} does not listen:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        return self

    def processes(self):
        """Its process, and those below it."""
        found = [self.process.pid]
        for pid in found:
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        return found

    def cpu(self):
        """Processor time in seconds, of user and kernel, of all its processes, those included that have ended."""
        if self.process.poll() is not None:
            raise Void(f"{self.name} has ended by itself:\n{self.log.read_text()[-2000:]}")
        return sum(spent(pid) for pid in self.processes())

    def resident(self):
        """Bytes of memory that are resident, of all its processes; what they share with each other counts once."""
        total = 0
        for pid in self.processes():
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total

    def stop(self):
        """Ends it. The gateway would wait for holds of a minute: it is given a moment only."""
        pids = self.processes() if self.process.poll() is None else []
        self.process.terminate()
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            for pid in pids:
                os.kill(pid, 9)
            self.process.wait()


def spent(pid):
    """Processor time of a process: by its threads' schedstat, in nanoseconds, where the kernel has it, or else in ticks."""
    try:
        threads = pathlib.Path(f"/proc/{pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
    except FileNotFoundError:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Meter:
    """What a peer, and whoever else, takes of the peer's core from now on."""

    def __init__(self, peer):
        self.peer = peer
        self.cpu, self.core, self.begun = peer.cpu(), core_time(peer.core), time.monotonic()

    def read(self):
        """Processor time of the peer in seconds, and the share of the core that others had."""
        cpu = self.peer.cpu() - self.cpu
        core = core_time(self.peer.core) - self.core
        return cpu, max(0.0, core - cpu) / (time.monotonic() - self.begun)


def core_time(core):
    """How long a core has been at work, in seconds."""
    line = next(line for line in pathlib.Path("/proc/stat").read_text().splitlines() if line.startswith(f"cpu{core} "))
    user, nice, system, _idle, _iowait, *others = [int(field) for field in line.split()[1:9]]
    return (user + nice + system + sum(others)) / os.sysconf("SC_CLK_TCK")


def answers(port):
    """Whether somebody listens there."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
