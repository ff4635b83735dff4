"""A web site of its own: a page, and something that other sites' pages may read and validate. `upstream.py FILE`: writes its port there."""

import http.server
import os
import sys

CORS = [
    ("ETag", '"1"'),
    ("Cache-Control", "max-age=600"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "ETag"),
]
# A form needs no permission to be sent to another site; only what comes of it is up to that one.
FORM = """<!doctype html><title>a form</title>
<form method="post" enctype="text/plain"><input name="{" value="}"></form>"""


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, fields, body=b""):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        if status == 200:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status == 200 and self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        if self.path == "/read":
            if self.headers.get("If-None-Match") == '"1"':
                return self.reply(304, CORS)
            return self.reply(200, CORS + [("Content-Type", "text/plain")], b"hello")
        return self.reply(200, [("Content-Type", "text/html")], FORM.encode())

    def do_OPTIONS(self):
        self.reply(204, [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Headers", "If-None-Match")])


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
with open(sys.argv[1] + ".new", "w") as file:
    file.write(str(server.server_address[1]))
os.rename(sys.argv[1] + ".new", sys.argv[1])
server.serve_forever()
