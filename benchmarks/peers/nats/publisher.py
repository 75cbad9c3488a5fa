"""Publishes to NATS over a TCP connection: one PUB an event, nothing waited for."""

import socket
import sys

from benchmarks.peers.pacing import SIZE, encode_event, obey_blocking


def main(port: int) -> None:
    """Publish until the standard input ends."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.recv(65536)
        connection.sendall(b'CONNECT {"verbose":false,"pedantic":false}\r\n')

        def publish(due: int) -> None:
            connection.sendall(f"PUB bench {SIZE}\r\n{encode_event(due)}\r\n".encode())

        obey_blocking(publish)


if __name__ == "__main__":
    main(int(sys.argv[1]))
