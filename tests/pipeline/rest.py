"""A web server that answers as a test says, for what talks to NNI's manager."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

Answer = Callable[[str, str, Any], Any]


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """Serve ``answer(method, path, body)``, None being an empty answer; gives ``http://localhost:<port>``."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            said = answer(self.command, self.path, body)
            content = b"" if said is None else json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = _handle

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("localhost", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
