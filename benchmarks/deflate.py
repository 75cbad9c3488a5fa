"""What permessage-deflate saves in bytes and costs in CPU where each frame is compressed once, for all who agreed.

python -m benchmarks.deflate
"""

import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from benchmarks.part import Part, table
from trunkline.protocol.codec import Frame

_TIMES, _ROUNDS = 200, 5
_WORDS = (
    "about after again agent already also answer because before being better between both cannot change choose city "
    "could country data different during each early enough even every example few figure first found general great "
    "however important instead keep large later less letter line long many measure might model more most much never "
    "number often only open other part people perhaps place point possible problem question rather reason same second "
    "seen several should show since small some state still system than that their there these thing though thought "
    "through time together under until very water what where which while whole with within without word world would"
)


@dataclass(frozen=True)
class Deflated:
    """One kind of event.

    Attributes:
        plain: bytes of the frame, `deflated` of the compressed one.
        make: microseconds of CPU for the plain frame, once an event; `compress` for the compressed one besides.
    """

    kind: str
    plain: int
    deflated: int
    make: float
    compress: float


def prose(size: int) -> str:
    """Text of about that many characters, in words whose order is chance: as much in it as in real text, or more."""
    chance, words, text = random.Random(size), _WORDS.split(), ""
    while len(text) < size:
        text += f"{chance.choice(words)} "
    return text


def events() -> dict[str, bytes]:
    """What goes over a line: a token, an entity, a message, a list."""
    envelope = {
        "topic": "thread:45",
        "seq": 812,
        "id": "0198c0de-7e57-7abc-8def-0123456789ab",
        "time": "2026-01-01T12:00:00.000Z",
    }
    agent = {
        "id": 12, "name": "Researcher", "status": "running", "model": "local/smollm2",
        "system_instructions": prose(100), "task_instructions": prose(60), "config": {},
        "created_at": "2026-01-01T12:00:00.000Z",
        "updated_at": "2026-01-01T12:00:01.000Z", "version": 7,
    }  # fmt: skip
    datas: dict[str, object] = {
        "a stream's chunk": {"run_id": 9, "thread_id": 45, "message_id": 77, "at": 120, "text": "and few of them"},
        "an agent": agent,
        "a message of 2 KB": {"id": 77, "thread_id": 45, "role": "assistant", "content": prose(2_000), "version": 3},
        "a list of 50 agents": [
            {**agent, "id": number, "name": prose(12), "task_instructions": prose(60 + number)} for number in range(50)
        ],
    }
    return {
        kind: json.dumps({"type": "event", **envelope, "data": data}, separators=(",", ":")).encode()
        for kind, data in datas.items()
    }


def _cpu(operation: Callable[[Frame], object], payload: bytes) -> float:
    """Microseconds of CPU for one, the least of some rounds."""
    best = float("inf")
    for _ in range(_ROUNDS):
        frames = [Frame(payload) for _ in range(_TIMES)]
        began = time.process_time()
        for frame in frames:
            operation(frame)
        best = min(best, (time.process_time() - began) / _TIMES * 1e6)
    return best


def run() -> Part:
    """Measure every kind."""
    measured = [
        Deflated(
            kind, len(Frame(payload).wire), len(Frame(payload).deflated), _cpu(lambda frame: frame.wire, payload),
            _cpu(lambda frame: frame.deflated, payload),
        )
        for kind, payload in events().items()
    ]  # fmt: skip
    cells = (
        [
            one.kind, f"{one.plain:,}", f"{one.deflated:,}", f"{one.deflated / one.plain:.0%}", f"{one.make:.1f} µs",
            f"{one.compress:.1f} µs", f"{one.compress / 1_000:.3f} µs",
        ]
        for one in measured
    )  # fmt: skip
    head = ("", "bytes plain", "compressed", "of it", "CPU of the frame", "of compressing, once", "for each of 1,000")
    text = f"### Shared compression: bytes and CPU of an event\n\n{table(head, cells)}"
    ratios = {f"bytes compressed, {one.kind}": one.deflated / one.plain for one in measured}
    return Part(name="deflate", markdown=text, ratios=ratios, figures=[asdict(one) for one in measured])


if __name__ == "__main__":
    print(run().markdown)
