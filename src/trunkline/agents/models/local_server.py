"""The process of the local model: llama.cpp's HTTP server on a loopback port that the kernel picks.

`python -m trunkline.agents.models.local_server` reads one line of JSON (`ServerSettings`) from stdin, and writes one to
stdout: `{"url": …}` once it answers requests, or `{"error": …}`. It ends when its stdin ends, so it never outlives the
process that holds the other end of that pipe. The only file that imports `xllamacpp`.
"""

import ctypes
import importlib
import json
import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from typing import Any, Final, TextIO

CONTEXT_TOKENS: Final = 2048
"""For each answer: the conversation and the answer together."""

SLOTS: Final = 2
"""Answers that run at once."""

# One core stays free: llama.cpp's threads wait for each other by spinning, and crawl when one of them is held up.
THREADS: Final = max(1, min(4, (os.cpu_count() or 2) - 1))

_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What the parent asks for: the GGUF file, the model's name, the key that requests must carry, the parent's pid."""

    weights: str
    alias: str
    api_key: str
    parent: int

    def to_line(self) -> bytes:
        """The line that the process reads."""
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    """Serve until stdin ends."""
    answers = _take_stdout()
    settings = ServerSettings(**json.loads(sys.stdin.readline()))
    _die_with(settings.parent)
    # Ctrl-C in a terminal reaches the whole process group; the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ended = threading.Thread(target=_exit_when_stdin_ends, daemon=True)
    ended.start()
    try:
        server = _serve(settings)
    except (ImportError, RuntimeError) as error:
        print(json.dumps({"error": str(error)}), file=answers, flush=True)
        sys.exit(1)
    print(json.dumps({"url": server.listening_address}), file=answers, flush=True)
    ended.join()


def _take_stdout() -> TextIO:
    """Keep stdout for the one answer; whatever llama.cpp prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _die_with(parent: int) -> None:
    """On Linux have the kernel kill this process with its parent, even while a load holds the interpreter."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def _exit_when_stdin_ends() -> None:
    sys.stdin.read()
    # Not `sys.exit`: llama.cpp may be in the middle of an answer that nobody waits for.
    os._exit(0)


def _serve(settings: ServerSettings) -> Any:
    """Load the model and listen; port 0 (the default) has the kernel pick a free one. Returns when both are done."""
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = settings.weights
    params.model_alias = {settings.alias}
    params.api_keys = [settings.api_key]
    params.n_parallel = SLOTS
    params.n_ctx = CONTEXT_TOKENS * SLOTS
    # llama.cpp notices a cancelled prompt within a second, then finishes its batch: half a second of this size.
    params.n_batch = params.n_ubatch = 128
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    params.n_threads_http = SLOTS + 2
    # Enough to break most of the loops a model this small falls into; from 1.1 on it also shuns the right words.
    params.sampling.penalty_repeat = 1.03
    params.cache_ram_mib = 0
    params.endpoint_slots = True
    params.ui = False
    params.verbosity = 1
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
