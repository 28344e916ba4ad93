"""Submits a form in Chromium whose write meets another, looks at the page that it gets, and reads the resource again.

browser.py http://HOST:PORT http://HOST:PORT [DIRECTORY FOR PICTURES]

The page has no script, and what is not the form's own runs none: scripts are off in the whole browser. Before that an application
of the second origin, which may, reads what the gateway answers to it, and one of a third, which may not, reads nothing.
"""

import base64
import contextlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from held import held

BASE = sys.argv[1]
ELSEWHERE = sys.argv[2]
PICTURES = sys.argv[3] if len(sys.argv) > 3 else None
FETCH = """
const [url, done] = arguments;
fetch(url, {method: "POST"}).then(
    async (response) => done({
        status: response.status, after: response.headers.get("Retry-After"), by: response.headers.get("Proxy-Status"),
        problem: await response.json(),
    }),
    (error) => done({error: String(error)}),
);
"""
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
]


class Browser:
    """As much of WebDriver as it takes."""

    def __init__(self, driver, profile):
        self.root = driver
        options = {"args": [*FLAGS, f"--user-data-dir={profile}"]}
        capabilities = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
        session = self.post("/session", capabilities=capabilities)["sessionId"]
        self.root = f"{driver}/session/{session}"

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)["value"]

    def post(self, path, **body):
        return self.call("POST", path, body)

    def devtools(self, command, **parameters):
        return self.post("/goog/cdp/execute", cmd=command, params=parameters)

    def find(self, selector):
        return self.post("/element", using="css selector", value=selector)[ELEMENT]

    def text(self, selector):
        return self.call("GET", f"/element/{self.find(selector)}/text")

    def shows(self, heading):
        """Waits for a page with this heading: a click may return before the next page is there."""
        deadline = time.monotonic() + 30
        while True:
            found = None
            # 404: there is no such element, or its page has just gone.
            with contextlib.suppress(urllib.error.HTTPError):
                found = self.text("h1")
            if found == heading:
                return
            assert time.monotonic() < deadline, f"{found}: {self.call('GET', '/source')}"
            time.sleep(0.05)

    def fetches(self, origin):
        """What an application of this origin can read of the answer to its write."""
        self.post("/url", url=f"{origin}/orders/7")
        return self.post("/execute/async", script=FETCH, args=[f"{BASE}/orders/7"])

    def style(self, selector, name):
        return self.call("GET", f"/element/{self.find(selector)}/css/{name}")

    def click(self, selector):
        self.post(f"/element/{self.find(selector)}/click")

    def look(self, name, width, scheme):
        """The colour of the page in a window of this width, in which nothing may stick out."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        content = self.devtools("Page.getLayoutMetrics")["cssContentSize"]["width"]
        assert content <= width, f"{content} px in a window of {width} px"
        if PICTURES:
            picture = base64.b64decode(self.call("GET", "/screenshot"))
            pathlib.Path(PICTURES, f"{name}-{width}-{scheme}.png").write_bytes(picture)
        return self.style("main", "background-color")


@contextlib.contextmanager
def browser():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = ["chromedriver", "--port=0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as driver:
            try:
                lines = iter(driver.stdout.readline, "")
                ports = (re.search(r"started successfully on port (\d+)", line) for line in lines)
                port = next(port for port in ports if port)[1]
                opened = Browser(f"http://127.0.0.1:{port}", profile)
                try:
                    yield opened
                finally:
                    opened.call("DELETE", "")
            finally:
                driver.terminate()


with browser() as page:
    with held(BASE, 7) as end:
        told = page.fetches(ELSEWHERE)
        assert told["status"] == 409 and int(told["after"]) >= 1, told
        assert told["by"].startswith("writegate") and told["problem"]["key"] == "order:7", told
        assert page.fetches(ELSEWHERE.replace("127.0.0.1", "localhost")) == {"error": "TypeError: Failed to fetch"}
        page.devtools("Emulation.setScriptExecutionDisabled", value=True)
        page.post("/url", url=f"{BASE}/orders/7")
        page.shows("Order 7, changed 0 times")
        page.click("#change")
        page.shows("Another write to this resource is in flight")
        assert page.call("GET", "/title") == "Another write to this resource is in flight"
        assert "This POST was not forwarded: a PUT" in page.text("main")
        assert "The application has got nothing of this POST request." in page.text("main")
        page.click("summary")
        assert "order:7" in page.text("dl")
        looks = {(width, scheme): page.look("conflict", width, scheme) for width in (1200, 360) for scheme in ("light", "dark")}
        for width in (1200, 360):
            # Which they are only if the policy lets the style through.
            assert looks[width, "light"] == "rgba(255, 255, 255, 1)", looks
            assert looks[width, "dark"] == "rgba(27, 32, 41, 1)", looks
        end()
        page.click("a.again")
        # Read, with its query, and not sent again: the one change is the other's.
        page.shows("Order 7, changed 1 times")
        assert page.call("GET", "/url") == f"{BASE}/orders/7?from=form"
print("seen")
