"""`trunkline serve` in a process of its own, by the name that the tests of the command line know it by."""

from benchmarks.server_process import ServerProcess, command, environment

__all__ = ["ServerProcess", "command", "environment"]
