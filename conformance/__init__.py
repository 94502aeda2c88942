"""Conformance and contract tests for servers that offer OpenAI's ``POST /v1/chat/completions``."""

__version__ = "0.1.0"
