"""A plugin for pytest: the `httpbin` of a test-suite is the server at $HTTPBIN_URL, and not one that the suite starts for itself.

Only tests that talk to it are run, and none of those that want an address which nobody answers.
"""

import os

from pytest_httpbin import serve

own_url = serve.Server.url.fget
serve.Server.url = property(lambda server: os.environ["HTTPBIN_URL"] if server.protocol == "http" else own_url(server))


def pytest_collection_modifyitems(config, items):
    kept = [item for item in items if "httpbin" in getattr(item, "fixturenames", ()) and "timeout_connect" not in item.name]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
