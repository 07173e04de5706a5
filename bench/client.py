"""A small HTTP client: one kept connection, requests as ready bytes. Its own cost is in every figure alike."""

import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    head: str
    body: bytes


def get(path: str, port: int, **headers: str) -> bytes:
    """A GET as bytes."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{more}\r\n".encode()


def post(path: str, port: int, body: str, **headers: str) -> bytes:
    """A form's POST as bytes."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    kind = "Content-Type: application/x-www-form-urlencoded\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\n{kind}Content-Length: {len(body)}\r\n{more}\r\n{body}".encode()


class Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.port, self.socket, self.rest = port, None, b""

    def connect(self) -> socket.socket:
        """Open a connection."""
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        return self.socket

    def ask(self, request: bytes) -> Answer:
        """Send and read one answer; a connection that the server has closed in between is opened again."""
        for attempt in range(2):
            line = self.socket or self.connect()
            try:
                line.sendall(request)
                return self._read(line)
            except (ConnectionError, EOFError):
                self.close()
                if attempt:
                    raise
        raise AssertionError("unreachable")

    def send(self, request: bytes) -> None:
        """Send without waiting for the answer."""
        assert self.socket is not None
        self.socket.sendall(request)

    def read(self) -> Answer:
        """The answer to what was sent."""
        assert self.socket is not None
        return self._read(self.socket)

    def _read(self, line: socket.socket) -> Answer:
        data = self.rest
        while b"\r\n\r\n" not in data:
            part = line.recv(65536)
            if not part:
                raise EOFError
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        text = head.decode("latin-1")
        lower = text.lower()
        status = int(text[9:12])
        length = int(lower.partition("content-length:")[2].partition("\r\n")[0] or 0)
        while len(body) < length:
            part = line.recv(65536)
            if not part:
                raise EOFError
            body += part
        self.rest = body[length:]
        if "connection: close" in lower:
            self.close()
        return Answer(status, text, body[:length])

    def close(self) -> None:
        """Hang up."""
        if self.socket:
            self.socket.close()
        self.socket = None


def timed(client: Client, request: bytes, want: int) -> float:
    """Seconds one request takes.

    Raises:
        RuntimeError: another status than `want`: what is measured would not be what it says.
    """
    began = time.perf_counter()
    answer = client.ask(request)
    took = time.perf_counter() - began
    if answer.status != want:
        raise RuntimeError(f"{request[:60]!r} was answered {answer.status}, not {want}: {answer.body[:300]!r}")
    return took


def _share(port: int, lists: Sequence[Sequence[bytes]], want: int, gate: Any, told: Any) -> None:
    spans: list[tuple[float, float]] = []
    wrong: list[str] = []

    def run(requests: Sequence[bytes]) -> None:
        client = Client(port)
        client.connect()
        inside.wait(60)
        began = time.monotonic()
        for request in requests:
            answer = client.ask(request)
            if answer.status != want:
                wrong.append(f"{answer.status}: {answer.body[:200]!r}")
        spans.append((began, time.monotonic()))
        client.close()

    inside = threading.Barrier(len(lists), action=lambda: gate.wait(60))
    threads = [threading.Thread(target=run, args=(requests,)) for requests in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put((spans, wrong))


def throughput(port: int, lists: Sequence[Sequence[bytes]], *, want: int, processes: int = 2) -> tuple[float, int]:
    """Answers per second with one client per list, all at once, spread over processes; and how many answers were wrong."""
    fork: Any = get_context("fork")
    gate, told = fork.Barrier(processes), fork.Queue()
    workers = [fork.Process(target=_share, args=(port, lists[n::processes], want, gate, told)) for n in range(processes)]
    for worker in workers:
        worker.start()
    results = [told.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join()
    spans = [span for spans, _wrong in results for span in spans]
    wrong = [text for _spans, texts in results for text in texts]
    if wrong:
        print(wrong[0])
    took = max(end for _begin, end in spans) - min(begin for begin, _end in spans)
    return sum(map(len, lists)) / took, len(wrong)
