"""``python -m conformance`` is ``chat-conformance``."""

from conformance.cli import entry

entry()
