"""What cost is measured against: for each curve its steps, the work at each, and how it may grow.

A curve's `run` is given the rig and its steps, and gives a series, the step and figures: `cpu`, microseconds of the gateway's processor
time a request, and `memory` where there is enough of it to be told from noise. But for holds, which stay, each step has a gateway of its
own, so that no step pays for another.
"""

import contextlib

import loads
from load import Load
from peers import ORIGIN, RUN, Peer, Void

# Requests at work at a time: of all but bodies, and of bodies, 64 of which would be 4 GiB.
AT_WORK = 64
BODIES_AT_WORK = 8
# More connections than there are ports between two addresses have more of these.
ADDRESSES = [f"127.0.0.{last}" for last in range(1, 5)]
# Less than this many bytes is what memory varies by anyway.
ENOUGH = 2 * 2**20
# What a process has open beside its clients' connections.
OTHER_FILES = 500

SETTINGS = f"""[server]
listen = [{", ".join(f'"{address}:7650"' for address in ADDRESSES)}]
workers = 1
access_log = false
max_connections = {{connections}}
max_holds = 2_000_000

[upstream]
url = "http://127.0.0.1:{ORIGIN}"

[guard]
max_work = "{{max_work}}"

"""


class Curve:
    """One kind of growth."""

    def __init__(self, says, over, steps, run, linear, memory, memory_level=False, level=None, quick=None):
        self.says = says
        # What is counted from step to step.
        self.over = over
        self.steps = steps
        self.run = run
        # Whether a request's cost may grow as the steps do; else it is to stay, and the cost of all grows as they do.
        self.linear = linear
        # The unit of memory, and whether it is to stay.
        self.memory = memory
        self.memory_level = memory_level
        # The most that the last step may cost of the first.
        self.level = level
        # The last step of --quick.
        self.quick = quick


def most_connections(files):
    """As many as a process may have here, with so many files."""
    return min(20_000, (files - OTHER_FILES) // 100 * 100)


@contextlib.contextmanager
def gateway(rig, routes="", max_work="60s"):
    """A gateway that nothing has been asked of."""
    text = SETTINGS.format(connections=most_connections(rig.files) + 200, max_work=max_work)
    (RUN / "growth.toml").write_text(text + routes)
    peer = Peer("growth", rig.asked.peer_core)
    try:
        yield peer.wait()
    finally:
        peer.stop()


def load(peer, path, connections=AT_WORK, at_work=AT_WORK, method="PUT", status=200, **more):
    """Load by writes of 60 bytes, unless more is said."""
    to = ",".join(f"{address}:{peer.ports['plain']}" for address in ADDRESSES)
    more = {"body": 60} | more if method == "PUT" else more
    return Load(peer, to=to, connections=connections, at_work=at_work, method=method, status=status, path=path, **more)


def warm(peer):
    """The memory that is resident, in bytes, while the least of the load is there of all steps whose memory is told."""
    with load(peer, "/warm/{n}") as asking:
        asking.ask("requests 20000", 30)
        return peer.resident()


def each(peer, before, count):
    """Bytes of memory for each of so many, beyond what was resident before."""
    grown = peer.resident() - before
    return {"memory": grown / count} if grown >= ENOUGH else {}


def measured(rig, peer, path, **more):
    """The cost of a request, and the memory that is resident meanwhile, in MiB."""
    with load(peer, path, **more) as asking:
        found = asking.measure(rig.asked.seconds)
        return found | {"memory": peer.resident() / 2**20}


def connections(rig, steps):
    """Kept connections that all have their turn, a connection asking anew when all others have."""
    for count in steps:
        with gateway(rig) as peer:
            before = warm(peer)
            with load(peer, "/orders/{n}", count) as asking:
                found = asking.measure(rig.asked.seconds)
                yield "", count, found | each(peer, before, count - AT_WORK)


def holds(rig, steps):
    """Writes beside so many whose outcome is unknown, since the origin has ended their connections: their keys are held for an hour."""
    with gateway(rig, max_work="1h") as peer:
        before = warm(peer)
        held = 0
        for count in steps:
            hold(peer, f"/cut/{count}", count - held)
            held = count
            with load(peer, f"/orders/{count}-{{n}}") as asking:
                found = asking.measure(rig.asked.seconds)
                yield "", count, found | each(peer, before, count)


def hold(peer, path, count):
    """Leaves so many keys held, and has the first and the last of them refuse another write."""
    made = min(count, AT_WORK)
    with load(peer, f"{path}-{{n}}", made, status=502) as asking:
        asking.ask(f"requests {count - made}", 600)
    for number in [0, count - 1]:
        status = loads.output(loads.curl(peer, "plain", f"{path}-{number:07}"), 20)
        if status != "409":
            raise Void(f"a key that was to be held is not: a write to it was answered {status}")


def routes(rig, steps):
    """Writes to so many routes by turns, and to the last of them alone."""
    for count in steps:
        text = "".join(f'[[route]]\npath = "/r{nth:04}/orders/{{id}}"\nkey = "r{nth:04}:{{id}}"\n\n' for nth in range(count))
        with gateway(rig, text) as peer:
            yield "all by turns", count, measured(rig, peer, "/r{r}/orders/{n}", routes=count)
        with gateway(rig, text) as peer:
            yield "the last", count, measured(rig, peer, f"/r{count - 1:04}/orders/{{n}}")


def bodies(rig, steps):
    """Bodies of so many bytes: of writes, on their way up, and of responses to GET, on their way down."""
    few = {"connections": BODIES_AT_WORK, "at_work": BODIES_AT_WORK}
    for length in steps:
        with gateway(rig) as peer:
            yield "up", length, measured(rig, peer, "/orders/{n}", body=length, **few)
        with gateway(rig) as peer:
            yield "down", length, measured(rig, peer, f"/gives/{length}/{{n}}", method="GET", **few)


def keys(rig, steps):
    """Writes whose key, the path, has so many bytes."""
    for length in steps:
        # A slash before, and seven digits behind.
        path = "/" + "k" * (length - 8) + "{n}"
        with gateway(rig) as peer:
            yield "", length, measured(rig, peer, path)


CURVES = {
    "connections": Curve(
        "a guarded PUT over so many connections that are kept and have their turns, 64 requests at work at a time",
        "connections", [1, 10, 100, 1_000, 5_000, 10_000, 20_000], connections,
        linear=False, memory="bytes a connection", memory_level=True,
    ),
    "holds": Curve(
        "a guarded PUT while so many other keys are held", "holds", [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000], holds,
        linear=False, memory="bytes a hold", memory_level=True, quick=100_000,
    ),
    "routes": Curve(
        "a guarded PUT that one of so many routes matches", "routes", [1, 10, 100, 1_000], routes,
        linear=False, memory="MiB resident", level=1.1,
    ),
    "bodies": Curve(
        "a request with a body of so many bytes up (a guarded PUT) or down (a GET)", "bytes",
        [0, 60, 2**10, 2**14, 2**16, 2**20, 2**24, 2**26], bodies, linear=True, memory="MiB resident", memory_level=True,
    ),
    "keys": Curve(
        "a guarded PUT with a key of so many bytes", "bytes", [8, 32, 128, 512, 2**10, 2**11, 2**12], keys,
        linear=True, memory="MiB resident", memory_level=True,
    ),
}
