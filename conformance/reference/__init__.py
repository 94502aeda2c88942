"""The embedded reference gateway: a correct, deterministic target, and the place where faults are put in."""

from conformance.reference.embedded import DEFAULT_MODEL, KEY, ReferenceGateway, Seen, furnish, serve
from conformance.reference.faults import Fault, load_faults, pick_faults

__all__ = [
    "DEFAULT_MODEL",
    "KEY",
    "Fault",
    "ReferenceGateway",
    "Seen",
    "furnish",
    "load_faults",
    "pick_faults",
    "serve",
]
