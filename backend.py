import http.server, time
page = b"empty\\n"
class Backend(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", str(len(page))); self.end_headers(); self.wfile.write(page)
    def do_PUT(self):
        global page
        new = self.rfile.read(int(self.headers["Content-Length"])) + b"\\n"; time.sleep(3)
        page = new; self.do_GET()
http.server.ThreadingHTTPServer(("127.0.0.1", 3000), Backend).serve_forever()
