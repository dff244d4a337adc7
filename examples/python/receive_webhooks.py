"""Receive webhooks: check each signature over the bytes as they came, answer at once, and do nothing twice.

APIFRAME_API_KEY=afk_... python receive_webhooks.py 8000
"""

import contextlib
import hashlib
import hmac
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# The HMAC key is the SHA-256 of the API key: its hex text, or its bytes where APIFRAME_WEBHOOK_SIGNING is "raw".
digest = hashlib.sha256(os.environ["APIFRAME_API_KEY"].encode())
SECRET = digest.digest() if os.environ.get("APIFRAME_WEBHOOK_SIGNING") == "raw" else digest.hexdigest().encode()
seen = set()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected.encode(), self.headers.get("X-Webhook-Signature", "").encode()):
            self.answer(401)
            return
        self.answer(200)  # first: the sender waits for seconds only, and sends again what was not answered
        event = json.loads(body)
        once = (event["jobId"], event["event"], event.get("progress"))
        if once not in seen:  # in a real program, a unique row of the database
            seen.add(once)
            print(json.dumps(event), flush=True)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8000), Receiver)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
