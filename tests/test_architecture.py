"""Who may import whom, so that capture and judgement stay apart and only one place touches the network."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "conformance"
MODULES = sorted(PACKAGE.rglob("*.py"))

OWNERS = {
    "httpx": {"exchange"},
    "httpcore": {"exchange"},
    "pytest": {"pytest_plugin"},
    "schemathesis": {"generate"},
    "hypothesis": {"strategies"},
    "openai": {"sdklane"},
    "jinja2": {"report"},
    "requests": set(),
}
"""Libraries that only these modules or packages of ours may import."""

PURE = (
    "baseline",
    "checks",
    "report",
    "retired",
    "offer",
    "sse",
    "http1",
    "strictjson",
    "chatstream",
    "views",
    "bench",
    "silence",
    "judge",
    "verdict",
    "model",
)
"""What works from evidence alone."""

NETWORK = {"socket", "ssl", "asyncio", "subprocess", "threading", "urllib.request", "http.client"}
ENGINE = {
    "conformance.exchange",
    "conformance.capture",
    "conformance.engine",
    "conformance.cli",
    "conformance.commands",
}


def imports(module: Path) -> set[str]:
    """Return the names of all modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def owner(module: Path) -> str:
    """Return the top-level module or package of ours that a file belongs to."""
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_libraries_are_imported_by_their_owners_alone(module: Path) -> None:
    for library, owners in OWNERS.items():
        used = {name for name in imports(module) if name == library or name.startswith(f"{library}.")}
        assert not used or owner(module) in owners, f"{module.name} imports {used}"


@pytest.mark.parametrize(
    "module", [m for m in MODULES if owner(m) in PURE], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_judging_touches_neither_network_nor_engine(module: Path) -> None:
    used = imports(module)
    assert not used & NETWORK
    assert not {name for name in used if any(name == own or name.startswith(f"{own}.") for own in ENGINE)}


def test_model_imports_nothing_of_ours() -> None:
    assert not {name for name in imports(PACKAGE / "model.py") if name.startswith("conformance")}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_is_small_enough_to_have_one_idea(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= 400
