"""Adds lines to a document as a careful client does; says how often it met a conflict.

requests_client.py URL NAME COUNT
"""

import sys
import time

import requests

URL, NAME, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
PATIENCE = 120


def is_writegate_conflict(response):
    """The gateway's own conflict, which says that the write was not forwarded; the backend's 409 would mean something else."""
    return (
        response.status_code == 409
        and response.headers.get("Proxy-Status", "").startswith("writegate")
        and response.headers["Content-Type"] == "application/problem+json"
        and response.json()["type"].endswith("#write-in-flight")
    )


def add(session, line, deadline):
    """Adds the line; gives the number of conflicts on the way."""
    conflicts = 0
    while True:
        response = session.put(URL, data=line, timeout=20)
        if not is_writegate_conflict(response):
            response.raise_for_status()
            return conflicts
        conflicts += 1
        if time.monotonic() > deadline:
            raise SystemExit("gave up on " + line)
        if int(response.headers["Retry-After"]) < 1:
            raise SystemExit("Retry-After is no number of seconds to wait")
        time.sleep(response.json()["retry_after_ms"] / 1000)
        if line in session.get(URL, timeout=20).json():
            raise SystemExit("a refused write was made: " + line)


with requests.Session() as session:
    deadline = time.monotonic() + PATIENCE
    print(sum(add(session, f"{NAME}-{number}", deadline) for number in range(COUNT)))
