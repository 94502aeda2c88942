"""The paths that the reference gateway knows, and their methods."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

PREFIX: Final = "/v1"
CHAT: Final = f"{PREFIX}/chat/completions"
MODELS: Final = f"{PREFIX}/models"
METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    CHAT: ("POST", "OPTIONS"),
    MODELS: ("GET", "HEAD", "OPTIONS"),
}
