"""How a command fails: with one sentence."""


class CommandFailed(Exception):
    """A command cannot do what it was asked; `str()` is the sentence that the person gets."""


class Interrupted(Exception):
    """The person pressed Ctrl-C, and everything is cleaned up already."""
