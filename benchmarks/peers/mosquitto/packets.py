"""The few packets of MQTT 3.1.1 that are needed, each character a byte."""

import os

CONNECT = "\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00"
"""A clean session of a client without a name that need not be heard of regularly."""

SUBACK = os.fsdecode(b"\x90\x03")
"""How the answer to a `subscribe` to one topic begins, as an argument of a command line."""


def _text(value: str) -> str:
    return f"{chr(len(value) >> 8)}{chr(len(value) & 255)}{value}"


def _packet(kind: int, body: str) -> str:
    """Put the head in front: the length in groups of seven bits, lowest first."""
    assert len(body) < 128 * 128
    size = chr(len(body)) if len(body) < 128 else chr(len(body) % 128 | 128) + chr(len(body) // 128)
    return chr(kind) + size + body


def subscribe(topic: str, number: str = "\x00\x01") -> str:
    """Subscribe to a topic, at most once each message."""
    return _packet(0x82, f"{number}{_text(topic)}\x00")


def publish(topic: str, payload: str) -> str:
    """Publish to a topic, at most once."""
    return _packet(0x30, _text(topic) + payload)
