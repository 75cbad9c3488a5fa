"""Publishes to nchan: one POST an event."""

import sys

from benchmarks.peers.http_publishing import Poster
from benchmarks.peers.pacing import encode_event, obey_blocking

if __name__ == "__main__":
    poster = Poster(int(sys.argv[1]), "/publish", "Content-Type: application/json")
    obey_blocking(lambda due: poster.post(encode_event(due)))
