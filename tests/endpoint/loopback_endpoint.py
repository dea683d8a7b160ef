"""A chat endpoint on this machine that answers, and misbehaves, as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What the server sends: a completion of a text, or a raw body; with a status and headers."""

    text: str = ""
    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    finish: str = "stop"
    drop: bool = False

    def content(self, model: str) -> bytes:
        if self.body is not None:
            return self.body
        return json.dumps(
            {
                "model": f"{model}-2026-01-01",
                "choices": [{"message": {"role": "assistant", "content": self.text}, "finish_reason": self.finish}],
                "usage": {"prompt_tokens": 100, "completion_tokens": 20},
            }
        ).encode()


@dataclass
class Loopback:
    """A running server: its address, and what it was asked, with the headers."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0


@contextmanager
def loopback(answer: Callable[[dict[str, Any], int], Reply]) -> Iterator[Loopback]:
    """Serve `answer(request, number of the request)` at a free port."""
    lock, under_way = threading.Lock(), [0]
    found = Loopback("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                under_way[0] += 1
                found.most_at_once = max(found.most_at_once, under_way[0])
                found.requests.append({"path": self.path, **request})
                found.headers.append(dict(self.headers))
                number = len(found.requests)
            reply = answer(request, number)
            with lock:
                under_way[0] -= 1
            if reply.drop:
                self.connection.close()
                return
            content = reply.content(request["model"])
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(content)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
