"""A proxy that passes on the answers of a server up to some byte, then cuts or garbles them."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

_CHUNK = 65536


class Proxy:
    """Passes on all requests of a client, and the first bytes of the server's answers.

    Attributes:
        port: its port on the loopback interface.
        left: how many more bytes of answers it passes on.
        cuts: whether it then closes the connection, instead of falling silent.
        garbles: if set, returns other bytes to pass on in place of the rest.
        answered: how many bytes of answers it has passed on.
    """

    def __init__(self, server_port: int) -> None:
        self.left = 2**40
        self.cuts = True
        self.garbles: Callable[[bytes], bytes] | None = None
        self.answered = 0
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Pass on the bytes of each connection until `close` is called."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._server_port))
            for function in (self._ask, self._answer):
                threading.Thread(target=function, args=(client, server), daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(_CHUNK):
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with closing(server), closing(client):
            with suppress(OSError):
                self._pass_on(client, server)
            for end in (client, server):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)  # close alone leaves `_ask` waiting

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        while data := server.recv(_CHUNK):
            passed = data[: self.left]
            self.left -= len(passed)
            self.answered += len(passed)
            if self.garbles is not None:
                passed += self.garbles(data[len(passed) :])
            client.sendall(passed)
            if not self.left and self.cuts and self.garbles is None:
                return


@contextmanager
def proxy(server_port: int) -> Iterator[Proxy]:
    """Start a proxy for the server that listens on a port."""
    one = Proxy(server_port)
    thread = threading.Thread(target=one.serve)
    thread.start()
    yield one
    one.close()
    thread.join()
