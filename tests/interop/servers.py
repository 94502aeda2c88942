"""Real servers of others, each as a context that installs it if need be, starts it, and ends it.

Keys are made up for each start and handed over in the environment, never on a command line or in a file.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.interop.install import ASSETS, CACHE, node_modules_with, python_with, small_model
from tests.interop.process import running

SMALL_MODEL = "smollm2-135m"


@dataclass(frozen=True, slots=True)
class RealServer:
    """A server that answers at ``base_url`` until its context ends.

    ``headers`` are what it wants with every request besides the key.
    """

    base_url: str
    model: str
    key: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def llamacpp() -> Iterator[RealServer]:
    """llama.cpp's own server with a very small model: real tokens, real grammar, real tool calls."""
    python = python_with("llamacpp")
    model, key = small_model(python), _new_key()

    def command(port: int) -> Sequence[str]:
        return _words(python, ASSETS / "llamacpp_server.py", port, model, ASSETS / "chatml-tools.jinja")

    with running(command, log=_log("llamacpp"), env={"INTEROP_KEY": key}) as base_url:
        yield RealServer(base_url, SMALL_MODEL, key)


@contextmanager
def litellm(*, upstream: RealServer | None = None) -> Iterator[RealServer]:
    """LiteLLM's proxy, which answers by itself or passes on to ``upstream``."""
    python, key = python_with("litellm"), _new_key()
    env = {
        "INTEROP_KEY": key,
        "INTEROP_UPSTREAM": upstream.base_url if upstream else "http://127.0.0.1:9/v1",
        "INTEROP_UPSTREAM_KEY": upstream.key if upstream else "none",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # or else it waits for a download at every start
        "PATH": os.pathsep.join([str(python.parent), os.environ["PATH"]]),
    }

    def command(port: int) -> Sequence[str]:
        config = ASSETS / "litellm.yaml"
        return _words(python.with_name("litellm"), "--config", config, "--host", "127.0.0.1", "--port", port)

    name, model = ("litellm-llamacpp", "upstream") if upstream else ("litellm", "mock-chat")
    with running(command, log=_log(name), env=env) as base_url:
        yield RealServer(base_url, model, key)


@contextmanager
def litellm_before_llamacpp() -> Iterator[RealServer]:
    """LiteLLM's proxy in front of llama.cpp."""
    with llamacpp() as upstream, litellm(upstream=upstream) as server:
        yield server


@contextmanager
def portkey_before_llamacpp(*, requirements: str) -> Iterator[RealServer]:
    """Portkey's gateway in front of llama.cpp; the requirements differ in the HTTP adapter that they pin."""
    modules = node_modules_with(requirements)

    def command(port: int) -> Sequence[str]:
        script = modules / "@portkey-ai" / "gateway" / "build" / "start-server.js"
        return _words("node", "-r", ASSETS / "loopback.cjs", script, f"--port={port}", "--headless")

    with llamacpp() as upstream, running(command, log=_log(requirements)) as base_url:
        headers = {"x-portkey-provider": "openai", "x-portkey-custom-host": upstream.base_url}
        yield RealServer(base_url, SMALL_MODEL, upstream.key, headers)


@contextmanager
def llmock(*, stream_fault: str | None = None) -> Iterator[RealServer]:
    """Llmock, a mock that can break its streams; a stall of ten seconds breaks none: it is late, and whole."""
    program = python_with("llmock").with_name("llmock")
    fault = ("--stream-fault", f"{stream_fault}=1") if stream_fault else ()

    def command(port: int) -> Sequence[str]:
        return _words(program, "serve", "-h", "127.0.0.1", "-p", port, *fault)

    with running(command, log=_log(f"llmock-{stream_fault or 'plain'}")) as base_url:
        yield RealServer(base_url, "gpt-4o", _new_key())


@contextmanager
def mockllm() -> Iterator[RealServer]:
    """Mockllm, a mock that gives every chunk of a stream another id."""
    program = python_with("mockllm").with_name("mockllm")

    def command(port: int) -> Sequence[str]:
        return _words(program, "start", "-r", ASSETS / "mockllm.yml", "-h", "127.0.0.1", "-p", port)

    with running(command, log=_log("mockllm")) as base_url:
        yield RealServer(base_url, "gpt-4o", _new_key())


@contextmanager
def prism() -> Iterator[RealServer]:
    """Prism, which makes answers from a schema and knows no streams."""
    program = node_modules_with("prism") / ".bin" / "prism"

    def command(port: int) -> Sequence[str]:
        return _words(program, "mock", "-h", "127.0.0.1", "-p", port, ASSETS / "chat-openapi.yaml")

    with running(command, log=_log("prism")) as base_url:
        yield RealServer(base_url, "any", _new_key())


SERVERS: Mapping[str, Callable[[], AbstractContextManager[RealServer]]] = {
    "llamacpp": llamacpp,
    "litellm": litellm,
    "litellm-llamacpp": litellm_before_llamacpp,
    "portkey": partial(portkey_before_llamacpp, requirements="portkey-good"),
    "portkey-broken": partial(portkey_before_llamacpp, requirements="portkey-broken"),
    "llmock": llmock,
    "llmock-truncate": partial(llmock, stream_fault="truncate"),
    "llmock-disconnect": partial(llmock, stream_fault="disconnect"),
    "llmock-malformed": partial(llmock, stream_fault="malformed"),
    "llmock-stall": partial(llmock, stream_fault="stall"),
    "mockllm": mockllm,
    "prism": prism,
}
"""Every server by the name that the command line uses."""

ENTRIES: Mapping[str, str] = {
    "llamacpp": "llama.cpp/b11549-smollm2-135m",
    "litellm-llamacpp": "litellm/1.106.2-llama.cpp",
    "portkey": "portkey/1.15.2-llama.cpp",
}
"""The servers whose reports are published, and their places in the registry (``vendor/version``)."""

CERTIFIED = frozenset({"llamacpp"})
"""Of these, the servers whose entry is a certificate; the evidence in it takes megabytes."""


def _new_key() -> str:
    return f"sk-interop-{secrets.token_hex(16)}"


def _words(*parts: object) -> Sequence[str]:
    return [str(part) for part in parts]


def _log(name: str) -> Path:
    return CACHE / "logs" / f"{name}.log"
