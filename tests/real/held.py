"""An order that is being changed, for as long as one looks at what others are told."""

import contextlib
import json
import threading
import urllib.request


def send(url, method="GET"):
    with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=60) as response:
        return response.read()


@contextlib.contextmanager
def held(base, order):
    """Gives what lets the change end, and waits until it has."""
    writer = threading.Thread(target=send, args=(f"{base}/orders/{order}", "PUT"), daemon=True)
    writer.start()
    assert json.loads(send(f"{base}/at-work"))["at_work"]

    def end():
        send(f"{base}/end", "POST")
        writer.join(60)
        assert not writer.is_alive()

    yield end
    end()
