"""A stand-in for the text provider, over real HTTP. It knows the account, takes texts, and has moods."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

SID, TOKEN, NUMBER = "AC" + "0" * 32, "token-of-the-account", "+15195550100"


class Provider:
    """`mood`: ok, then_500 (takes it, then fails), hang_up (takes it, closes), busy (429), or a refusal's number."""

    def __init__(self) -> None:
        self.mood = "ok"
        self.taken: list[dict[str, str]] = []
        self.asked = 0
        self.connections = 0
        self.url = ""
        self.after: Callable[[dict[str, str]], None] = lambda text: None
        self.lock = threading.Lock()

    def take(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """What the answer to a POST is."""
        with self.lock:
            self.asked += 1
            if self.mood == "busy":
                return 429, {"code": 20429, "message": "Too Many Requests"}
            if self.mood.isdigit():
                return 400, {"code": int(self.mood), "message": "no"}
            form["sid"] = f"SM{len(self.taken):032d}"
            self.taken.append(form)
        self.after(form)
        if self.mood == "then_500":
            return 500, {"code": 20500, "message": "Internal Server Error"}
        return 201, {"sid": form["sid"], "status": "queued"}

    @property
    def bodies(self) -> list[str]:
        """The words of every text that was taken, oldest first."""
        return [text["Body"] for text in self.taken]


@contextmanager
def listening(provider: Provider) -> Iterator[Provider]:
    """Run it on a free port while the block runs."""
    secret = "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            provider.connections += 1
            super().setup()

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            status, said = 401, {"code": 20003}
            if self.headers["Authorization"] == secret and self.path == f"/2010-04-01/Accounts/{SID}/Messages.json":
                status, said = provider.take(form)
            if provider.mood == "hang_up":
                self.close_connection = True
                self.connection.close()
                return
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Who is killed in the middle of a sentence is no news here."""

    server = Server(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
