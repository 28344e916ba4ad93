"""The load generators, and what voids a run: a request that failed, a status that does not belong, a peer that does not limit."""

import json
import pathlib
import re
import subprocess
import time

from peers import HERE, PLACE, RUN, Meter, Void

CONNECTIONS = 64
BODY = '{"account":"4711","amount":25,"note":"a body of 60 bytes.."}'
# The paths of one run shall not be those of another.
runs = 0


def name():
    """A name that no run has had."""
    global runs
    runs += 1
    return f"{runs}"


def output(words, deadline):
    """What a program prints; one that fails voids the run."""
    words = [str(word) for word in words]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=deadline)
    except subprocess.TimeoutExpired as error:
        raise Void(f"{words[0]} has not ended in {deadline} s") from error
    if done.returncode != 0:
        raise Void(f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
    return done.stdout


def address(peer, listener, path=""):
    """The URL of a peer's listener."""
    scheme = "https" if listener == "tls" else "http"
    return f"{scheme}://127.0.0.1:{peer.ports[listener]}{path}"


def wrk(peer, listener, kind, seconds, path="/"):
    """Closed loop, over connections that are kept."""
    figures, _ = closed_loop(peer, listener, kind, seconds, path)
    return figures


def closed_loop(peer, listener, kind, seconds, path):
    """What it cost, and how many responses had which status, where that is counted."""
    words = ["wrk", "-t", "1", "-c", CONNECTIONS, "-d", f"{seconds}s", "-s", HERE / "requests.lua"]
    words += [address(peer, listener, path), "--", kind, name()]
    meter = Meter(peer)
    text = output(words, seconds + 20)
    spent = meter.read()
    found = json.loads(text.rpartition("JSON ")[2])
    # wrk counts those of 400 and more.
    expected = found["requests"] if kind in ("same", "counted") else 0
    if found["broken"] or found["wrong"] != expected or found["requests"] == 0:
        raise Void(f"{peer.name}: requests that failed, or with a status that does not belong: {found}")
    return cost(spent, found["requests"], found["seconds"]), found["statuses"]


def refused(peer, listener, seconds, held=60):
    """Closed loop of requests that all meet one write, on which the origin works for `held` seconds. To count statuses takes wrk longer
    than the peers take to answer: they would wait for it, and that is what would be measured. So they are counted before and after; in
    between, all are known to be errors."""
    holder = Held(peer, listener, held * 1000)

    def count():
        _, statuses = closed_loop(peer, listener, "counted", 1, holder.path)
        conflicts, responses = statuses.get("409", 0), sum(statuses.values())
        if conflicts < 0.999 * responses:
            raise Void(f"{peer.name}: only {conflicts} of {responses} were answered 409: {statuses}")

    count()
    figures = wrk(peer, listener, "same", seconds, holder.path)
    count()
    if not holder.leave():
        raise Void(f"{peer.name}: the write that held the path had ended before the run had")
    return figures


def h2load(peer, listener, kind, seconds, clients, streams):
    """Closed loop over HTTP/2."""
    words = ["h2load", "-t", "1", "-c", clients, "-m", streams, "-D", seconds, "-i", targets(peer, listener)]
    if kind == "put":
        body = RUN / "body.json"
        body.write_text(BODY)
        words += ["-d", body, "-H", ":method: PUT"]
    meter = Meter(peer)
    text = output(words, seconds + 20)
    spent = meter.read()
    ended = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text)
    if not ended or not statuses:
        raise Void(f"h2load says nothing that is understood:\n{text[-1000:]}")
    done, succeeded, *others = [int(number) for number in ended.groups()]
    # When it stops, heads may have come whose responses had not ended.
    good, *wrong = [int(number) for number in statuses.groups()]
    if done == 0 or done != succeeded or any(others) or any(wrong) or good < done:
        raise Void(f"{peer.name}: requests that failed, or with a status that does not belong: {ended[0]}; {statuses[0]}")
    return cost(spent, done, seconds)


def targets(peer, listener):
    """A file of many targets, for one connection, so that none is asked for twice at a time."""
    file = RUN / f"targets-{peer.name}"
    if not file.exists():
        file.write_text("".join(address(peer, listener, f"/orders/h2-{nth}\n") for nth in range(20_000)))
    return file


def oha(peer, listener, rate, seconds):
    """Open loop: so many requests a second, come what may, their latency counted from when they were due."""
    words = [PLACE / "bin" / "oha", "--no-tui", "--output-format", "json", "-z", f"{seconds}s", "-w", "-c", CONNECTIONS, "-q", rate]
    words += ["--latency-correction", "--disable-compression", "-m", "PUT", "-d", BODY, "--rand-regex-url"]
    words += [address(peer, listener, "/orders/[a-z0-9]{16}").replace(".", "[.]")]
    meter = Meter(peer)
    text = output(words, seconds + 30)
    spent = meter.read()
    found = json.loads(text)
    statuses, errors = found["statusCodeDistribution"], found["errorDistribution"]
    done = sum(statuses.values())
    if set(statuses) != {"200"} or errors:
        raise Void(f"{peer.name}: requests that failed, or with a status that does not belong: {statuses}, {errors}")
    figures = cost(spent, done, seconds)
    # A peer that is at its limit is slow, which its latency shows; one that is not was not asked.
    if done < 0.95 * rate * seconds and figures["busy"] + figures["others"] < 0.9:
        raise Void(f"{peer.name}: {done} requests in {seconds} s where {rate} a second were asked for: oha could not make them")
    latency = found["latencyPercentiles"]
    return {"p50": latency["p50"] * 1e6, "p99": latency["p99"] * 1e6} | figures


def cost(spent, requests, seconds):
    """Microseconds of processor time a request, and how that came about."""
    cpu, others = spent
    return {"cpu": cpu / requests * 1e6, "requests": requests, "rate": requests / seconds, "busy": cpu / seconds, "others": others}


def curl(peer, listener, path):
    """One write by curl, which prints its status."""
    words = ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "--data", BODY, "--max-time", "70"]
    if listener == "h2c":
        words += ["--http2-prior-knowledge"]
    return words + [address(peer, listener, path)]


class Held:
    """A write that the origin works on for so many milliseconds, and the proof that another is refused meanwhile."""

    def __init__(self, peer, listener, milliseconds):
        self.peer = peer
        self.path = f"/takes/{milliseconds}/{name()}"
        self.holder = subprocess.Popen(curl(peer, listener, self.path), stdout=subprocess.PIPE, text=True)
        time.sleep(0.15)
        status = output(curl(peer, listener, self.path), 80)
        if status != "409" or self.holder.poll() is not None:
            self.leave()
            raise Void(f"{peer.name} does not limit: a write that overlapped another was answered {status}")

    def done(self):
        """Waits for the holder's own answer."""
        status, _ = self.holder.communicate(timeout=80)
        if status != "200":
            raise Void(f"{self.peer.name}: the write that came first was answered {status}")

    def leave(self):
        """Ends the holder; whether it had been there until now."""
        held = self.holder.poll() is None
        self.holder.kill()
        self.holder.communicate()
        return held


def limits(peer, listener):
    """Shows that a peer refuses the second of two writes, and takes the first."""
    if peer.name != "pump":
        Held(peer, listener, 500).done()


def version(*words):
    """The first line that a program says of itself."""
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError:
        return "not there"
    return (done.stdout + done.stderr).strip().splitlines()[0]


def machine():
    """What it was measured on, and with."""
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "processor": cpu[1] if cpu else "unknown",
        "kernel": version("uname", "-sr"),
        "nginx": version("nginx", "-v"),
        "haproxy": version("haproxy", "-v"),
        "wrk": version("wrk", "-v"),
        "h2load": version("h2load", "--version"),
        "oha": version(PLACE / "bin" / "oha", "--version"),
        "rustc": version("rustc", "--version"),
    }
