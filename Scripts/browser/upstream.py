"""A web site of its own: a page, something that other sites' pages may read and validate, and sound that is larger than what an
edge keeps in memory, as a page plays it. `upstream.py FILE`: writes its port there."""

import http.server
import io
import os
import re
import sys
import wave

CORS = [
    ("ETag", '"1"'),
    ("Cache-Control", "max-age=600"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "ETag"),
]
# A form needs no permission to be sent to another site; only what comes of it is up to that one.
FORM = """<!doctype html><title>a form</title>
<form method="post" enctype="text/plain"><input name="{" value="}"></form>"""
PLAYER = """<!doctype html><title>a player</title><audio src="/sound.wav" preload="metadata"></audio>"""


def sound():
    """Some minutes, 40 MB, no two seconds alike."""
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(os.urandom(40_000_000))
    return made.getvalue()


SOUND = sound()


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

    def send_sound(self):
        """As file servers do it: all, or one range."""
        fields = [("ETag", '"s"'), ("Cache-Control", "max-age=600"), ("Content-Type", "audio/wav"), ("Accept-Ranges", "bytes")]
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, end = 0, len(SOUND)
        if asked:
            start, end = int(asked[1]), min(end, int(asked[2]) + 1 if asked[2] else end)
            fields.append(("Content-Range", f"bytes {start}-{end - 1}/{len(SOUND)}"))
        self.send_response(206 if asked else 200)
        for name, value in fields + [("Content-Length", str(end - start))]:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(SOUND[start:end])

    def do_GET(self):
        if self.path == "/sound.wav":
            return self.send_sound()
        if self.path == "/player":
            return self.reply(200, [("Content-Type", "text/html")], PLAYER.encode())
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
