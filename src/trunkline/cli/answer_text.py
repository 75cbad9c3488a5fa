"""Joining an answer from chunks, snapshots and the stored message: every character once, in order."""


class AnswerText:
    """The text of one answer as far as it is known.

    Chunks say how many characters (Unicode code points) came before them, so what was shown is never shown again,
    and what is missing is noticed. Each method returns the text that is new, to be shown after all that came before.

    Attributes:
        message_id: the message that the answer fills.
        text: all that was returned so far, joined.
        has_hole: a chunk came that does not touch `text`; a snapshot or the stored message closes the hole.
    """

    def __init__(self, message_id: int) -> None:
        self.message_id = message_id
        self.text = ""
        self.has_hole = False

    def chunk(self, at: int, text: str) -> str:
        """Take a piece that starts after `at` characters; one that leaves a hole before it is not taken."""
        known = len(self.text)
        if at > known:
            self.has_hole = True
            return ""
        return self._take(text[known - at :])

    def so_far(self, text: str) -> str:
        """Take the text from its start to some point: of a snapshot, or of the stored message."""
        self.has_hole = False
        return self._take(text[len(self.text) :])

    def unsaved(self, content: str) -> int:
        """How many characters at the end of what was shown are not in the stored message.

        A server that dies loses what it streamed after its last checkpoint.
        """
        return max(0, len(self.text) - len(content))

    def _take(self, new: str) -> str:
        self.text += new
        return new
