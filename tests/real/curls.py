"""Has curl make each request twice, directly and through the gateway, and compares all that it gets.

curls.py DIRECT THROUGH
"""

import itertools
import subprocess
import sys

DIRECT, THROUGH = sys.argv[1:]
METHODS = "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH QUERY PURGE BREW".split()
VERSIONS = ["--http1.0", "--http1.1", "--http2", "--http2-prior-knowledge"]
CODINGS = ["gzip", "deflate", "br", "zstd"]
# Who closes and how a body is framed are each connection's own matter. The date is that of the moment.
APART = ("connection", "transfer-encoding", "content-length", "keep-alive", "date")


def requests():
    for method in METHODS:
        yield ["-I"] if method == "HEAD" else ["-X", method], f"/echo?{method}=%7e/../;a=b"
        if method not in ("HEAD", "TRACE"):
            yield ["-X", method, "-d", "a=1&b=2"], "/echo"
            yield ["-X", method, "--data-binary", "@" + __file__, "-H", "Content-Type: text/x-python"], "/echo"
    for coding in CODINGS:
        yield ["--compressed"], f"/encoded/{coding}"
        yield [], f"/encoded/{coding}"
    for span in ("0-9", "10-", "-5"):
        yield ["-r", span], "/"
    yield ["-H", 'If-None-Match: "v1"'], "/"
    yield ["-H", 'If-None-Match: "v0"'], "/"
    yield ["-X", "PUT", "-d", "x", "-H", 'If-Match: "v0"'], "/"
    yield ["-X", "PUT", "-d", "x", "-H", 'If-Match: "v1"'], "/"
    yield ["-T", __file__], "/echo"
    yield ["-T", __file__, "-H", "Expect: 100-continue"], "/echo"
    yield ["-F", f"file=@{__file__}", "-H", "Content-Type: multipart/form-data; boundary=x"], "/echo"
    yield [], "/chunked"
    for status in (200, 201, 202, 204, 205, 299, 300, 303, 404, 410, 418, 451, 499, 500, 503, 599):
        yield [], f"/status/{status}"


def answer(addr, version, options, target):
    command = ["curl", "-sS", "--path-as-is", "-i", "--max-time", "20", version, *options, f"http://{addr}{target}"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{command} failed: {done.returncode} {done.stderr}")
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    while head.split(b"\r\n")[0].split(b" ")[1][:1] == b"1":
        head, _, body = body.partition(b"\r\n\r\n")
    status, *fields = head.decode().split("\r\n")
    parted = [line.partition(":") for line in fields]
    kept = [(name.lower(), value) for name, _, value in parted if name.lower() not in APART]
    # The order of fields has a meaning only among those of one name (RFC 9110 5.3).
    return status.split(" ")[1], sorted(kept, key=lambda field: field[0]), body


# The boundary of a form is one that curl makes up each time: only its length is fixed.
def is_form(options):
    return "-F" in options


count = 0
for (options, target), version in itertools.product(list(requests()), VERSIONS):
    # gunicorn speaks HTTP/1.1 only.
    direct = answer(DIRECT, version if version == "--http1.0" else "--http1.1", options, target)
    through = answer(THROUGH, version, options, target)
    if is_form(options):
        direct, through = direct[:2], through[:2]
    if direct != through:
        sys.exit(f"{version} {options} {target}\n{direct}\n{through}")
    count += 1
print(count, "requests of curl, and no difference")
