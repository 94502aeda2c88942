"""The embedded reference gateway: a correct, deterministic target, and the place where faults are put in."""

from conformance.reference.embedded import DEFAULT_MODEL, KEY, ReferenceGateway, Seen

__all__ = ["DEFAULT_MODEL", "KEY", "ReferenceGateway", "Seen"]
