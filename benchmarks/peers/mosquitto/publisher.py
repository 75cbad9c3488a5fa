"""Publishes to mosquitto over a TCP connection: one PUBLISH an event, nothing waited for."""

import socket
import sys

from benchmarks.peers.mosquitto.packets import CONNECT, publish
from benchmarks.peers.pacing import encode_event, obey_blocking


def main(port: int) -> None:
    """Publish until the standard input ends."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(CONNECT.encode("latin-1"))
        connection.recv(4)
        obey_blocking(lambda due: connection.sendall(publish("bench", encode_event(due)).encode("latin-1")))


if __name__ == "__main__":
    main(int(sys.argv[1]))
