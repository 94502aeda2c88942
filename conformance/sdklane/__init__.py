"""The SDK lane: recorded answers are served from loopback to the official SDK, once, after a capture.

    evidence ─► answers ─► program (a process of its own: loopback ─► SDK) ─► outcome ─► sdk.json

Theory of operation. :mod:`.answers` picks each distinct answer once. :mod:`.program` is the only place that
imports the SDK; it runs in a process of its own, without the user's environment, so that no key is in its
reach and no answer, however hostile, can stall or bloat the suite: :mod:`.lane` watches its time and ends it.
:mod:`.outcome` compares what the SDK handed out with what the bytes hold. Nothing here leaves the machine,
and nothing here decides a verdict on the bytes.
"""

from conformance.sdklane.lane import installed, measure, replay

__all__ = ["installed", "measure", "replay"]
