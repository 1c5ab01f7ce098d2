"""The one exception that users see: a sentence, without a traceback."""


class RefusedError(Exception):
    """The input or the warehouse failed validation; nothing is published. The message is one plain sentence."""
