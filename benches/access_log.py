#!/usr/bin/env python3
"""Writes an access log of some length to standard output, as nginx, nginx-msec, apache, haproxy, envoy or caddy would.

    benches/access_log.py FORMAT LINES [RATE] > FILE

Three lines in ten are writes: PUT, PATCH, DELETE and POST to 200,000 orders, a few of them far busier than the rest. They come at
2,000 requests a second, and take from 1 ms to some seconds. The log is in the order in which the requests ended, as servers write
it, and the same at every run.

With a RATE, every line is a POST to /graphql instead, so many of them a second.
"""
import heapq, random, sys, time

FORMAT, LINES = sys.argv[1], int(sys.argv[2])
RATE = int(sys.argv[3]) if len(sys.argv) > 3 else None
BEGIN = 1_795_478_400_000_000  # microseconds: 24 November 2026
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36"
METHODS = ["GET"] * 7 + ["PUT", "PATCH", "POST"]
seconds = {}


def civil(micros):
    second = micros // 1_000_000
    if second not in seconds:
        seconds.clear()
        seconds[second] = time.strftime("%d/%b/%Y:%H:%M:%S", time.gmtime(second))
    return seconds[second]


def iso(micros):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(micros // 1_000_000)) + f".{micros // 1000 % 1000:03}Z"


def line(start, end, method, path):
    took = end // 1000 - start // 1000
    request = f'{method} {path} HTTP/1.1'
    combined = f'"{request}" 200 512 "https://shop.example/orders" "{AGENT}"'
    if FORMAT == "nginx":
        return f'203.0.113.9 - - [{civil(end)} +0000] {combined} {took / 1000:.3f}\n'
    if FORMAT == "nginx-msec":
        return f'203.0.113.9 - - [{civil(end)} +0000] {combined} {took / 1000:.3f} {end // 1000 / 1000:.3f}\n'
    if FORMAT == "apache":
        return f'203.0.113.9 - - [{civil(start)} +0000] {combined} {end - start}\n'
    if FORMAT == "haproxy":
        at = f'{civil(start)}.{start // 1000 % 1000:03}'
        return f'Nov 24 00:00:00 edge haproxy[14389]: 203.0.113.9:33317 [{at}] http-in static/srv1 0/0/1/{took}/{took} 200 512 - - ---- 9/9/5/5/0 0/0 "{request}"\n'
    if FORMAT == "envoy":
        return f'[{iso(start)}] "{request}" 200 - 0 512 {took} {took} "203.0.113.9" "{AGENT}" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "shop.example" "tcp://10.0.2.1:80"\n'
    return (f'{{"level":"info","ts":{end / 1e6:.7f},"logger":"http.log.access","msg":"handled request","request":{{"remote_ip":"203.0.113.9","remote_port":"41342",'
            f'"client_ip":"203.0.113.9","proto":"HTTP/2.0","method":"{method}","host":"shop.example","uri":"{path}","headers":{{"User-Agent":["{AGENT}"],"Accept":["*/*"],'
            f'"Accept-Encoding":["gzip, deflate, br, zstd"]}},"tls":{{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"shop.example"}}}},'
            f'"bytes_read":0,"user_id":"","duration":{(end - start) / 1e6:.9f},"size":512,"status":200,"resp_headers":{{"Server":["Caddy"],"Content-Type":["application/json"]}}}}\n')


def main():
    chance, out = random.Random(1), sys.stdout
    at, open_requests, chunk = BEGIN, [], []
    for number in range(LINES):
        at += int(chance.random() * (1000 if RATE is None else 2_000_000 / RATE))
        took = 1000 + int(20_000 / (chance.random() + 0.005))
        order = int(200_000 * chance.random() ** 4)
        method = METHODS[int(chance.random() * 10)]
        method, path = ("POST", "/graphql") if RATE else (method, f"/orders/{order}")
        heapq.heappush(open_requests, (at + took, at, method, path))
        while open_requests and (open_requests[0][0] < at):
            end, start, method, path = heapq.heappop(open_requests)
            chunk.append(line(start, end, method, path))
        if len(chunk) > 5000:
            out.write("".join(chunk))
            chunk.clear()
    while open_requests:
        end, start, method, path = heapq.heappop(open_requests)
        chunk.append(line(start, end, method, path))
    out.write("".join(chunk))


main()
