"""An application that answers any method with what it got, in every content encoding that curl knows, in ranges, and conditionally."""

import gzip
import zlib

import brotli

TEXT = b"the quick brown fox jumps over the lazy dog\n" * 40


def as_zstd(text):
    """A frame of one raw block (RFC 8878 3.1.1); Python has no compressor for it."""
    size = len(text)
    block = (size << 3) | 1
    return b"\x28\xb5\x2f\xfd" + b"\x60" + (size - 256).to_bytes(2, "little") + block.to_bytes(3, "little") + text


CODINGS = {"gzip": lambda text: gzip.compress(text, mtime=0), "deflate": zlib.compress, "br": brotli.compress, "zstd": as_zstd}


def app(environ, start_response):
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    fields = [("ETag", '"v1"'), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
    status, body = "200 OK", TEXT
    if path.startswith("/encoded/"):
        coding = path.rsplit("/", 1)[1]
        body = CODINGS[coding](TEXT)
        fields += [("Content-Encoding", coding), ("Vary", "Accept-Encoding")]
    elif path.startswith("/status/"):
        status, body = path.rsplit("/", 1)[1] + " As Asked", b""
    elif environ.get("HTTP_IF_NONE_MATCH") == '"v1"':
        status, body = "304 Not Modified", b""
    elif environ.get("HTTP_IF_MATCH", '"v1"') != '"v1"':
        status, body = "412 Precondition Failed", b"changed\n"
    elif environ.get("HTTP_RANGE", "").startswith("bytes="):
        first, last = environ["HTTP_RANGE"][6:].split("-")
        first, last = (int(first), int(last or len(TEXT) - 1)) if first else (len(TEXT) - int(last), len(TEXT) - 1)
        status, body = "206 Partial Content", TEXT[first : last + 1]
        fields.append(("Content-Range", f"bytes {first}-{last}/{len(TEXT)}"))
    elif path == "/echo":
        got = environ["wsgi.input"].read()
        body = f"{method} {environ['RAW_URI']} {environ.get('CONTENT_TYPE', '')} {len(got)} {zlib.crc32(got)}\n".encode()
    if path != "/chunked" and status[0:3] not in ("204", "304"):
        fields.append(("Content-Length", str(len(body))))
    start_response(status, fields)
    return [] if method == "HEAD" or status[0:3] in ("204", "304") else [body[:7], body[7:]]
