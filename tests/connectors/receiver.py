"""A receiver of webhooks on loopback, that answers as a test wants."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer


class Receiver:
    """`answers` are given in turn, the last one for ever; `taken` is what came, headers in lower case."""

    def __init__(self, *answers: int) -> None:
        self.answers = [*answers]
        self.taken: list[tuple[str, dict[str, str], bytes]] = []
        self.came = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
                self.send_response(answer)
                self.send_header("Content-Length", "0")
                self.end_headers()
                with receiver.came:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    receiver.taken.append((self.path, headers, body))
                    receiver.came.notify_all()

            def log_message(self, format: str, *args: object) -> None:
                """Tests are quiet."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook?x=1"

    def wait_for(self, number: int) -> None:
        """Until so many requests came."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.taken) >= number, 20), self.taken


@contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    receiver = Receiver(*answers)
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()
