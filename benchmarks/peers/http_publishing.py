"""Publishing by one HTTP request an event over one kept connection, as little of HTTP as that needs."""

import re
import socket

_ANSWER = re.compile(rb"HTTP/1\.[01] (\d)")
_LONGEST_BEGINNING = len(b"HTTP/1.1 2") - 1
_MOST_UNANSWERED = 64


class Poster:
    """Posts bodies to one address. Requests are pipelined: the next does not wait for the answer to the last.

    Args:
        port: of the server on this machine.
        path: of the address.
        headers: more header lines.
    """

    def __init__(self, port: int, path: str, *headers: str) -> None:
        self._connection = socket.create_connection(("127.0.0.1", port))
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers, "Content-Length: "]
        self._head = "\r\n".join(lines)
        self._unanswered = 0
        self._tail = b""

    def post(self, body: str) -> None:
        """Post a body of ASCII characters.

        Raises:
            ConnectionError: the server did not take an earlier one.
        """
        self._connection.sendall(f"{self._head}{len(body)}\r\n\r\n{body}".encode())
        self._unanswered += 1
        self._read_answers(socket.MSG_DONTWAIT)
        while self._unanswered > _MOST_UNANSWERED:
            self._read_answers(0)

    def _read_answers(self, flags: int) -> None:
        """Count the status lines of what has come in."""
        try:
            more = self._connection.recv(65536, flags)
        except BlockingIOError:
            return
        if not more:
            raise ConnectionError("The server ended the connection")
        received = self._tail + more
        for answer in _ANSWER.finditer(received):
            if answer[1] != b"2":
                raise ConnectionError(received.decode(errors="replace"))
            self._unanswered -= 1
        self._tail = received[-_LONGEST_BEGINNING:]
