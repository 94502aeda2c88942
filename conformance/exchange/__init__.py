"""The only part of the suite that touches the network: requests go out, and every byte that comes in is kept.

:class:`Sender` promises that an exchange ends by its deadline, stays inside its limits, follows no redirect,
and raises for nothing that a target does. What it returns is *not* redacted: give it to a
:class:`~conformance.redact.Redactor` before anything else.
"""

from conformance.exchange.limits import Limits
from conformance.exchange.sender import Sender
from conformance.exchange.serving import sender_for

__all__ = ["Limits", "Sender", "sender_for"]
