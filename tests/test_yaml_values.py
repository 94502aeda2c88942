"""What is read of YAML is what the library's safe loader reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from conformance import yamlvalues
from conformance.paths import data_root

if TYPE_CHECKING:
    from pathlib import Path

ROOT = data_root()
FILES = sorted((ROOT / "spec").rglob("*.yaml"))


def test_there_are_files():
    assert len(FILES) > 20


@pytest.mark.parametrize("file", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_of_the_specification_has_the_values_of_the_library(file: Path):
    """Their texts are compared, as True equals 1; so the order of members counts as well."""
    text = file.read_bytes()
    assert repr(yamlvalues.read(text)) == repr(yaml.safe_load(text))


SCALARS = (
    "text", "'1'", '"true"', "1", "-1", "+1", "0x1f", "0o7", "017", "1_000", "1.5", "-.5", "1e3", "1.0e+3", ".inf",
    "-.INF", "12:30", "2026-11-22", "2026-11-22T10:00:00Z", "2026-11", "yes", "No", "on", "OFF", "y", "n", "true",
    "False", "tRue", "null", "~", "Null", "", "''", "<", "-x", "a: b", "|\n  one\n  two\n", ">\n  one\n  two\n",
    "1 # a comment", "é\U0001f600", '"\\u00e9\\U0001f600"',
)  # fmt: skip


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@pytest.mark.parametrize("scalar", SCALARS)
def test_a_scalar_means_what_it_means_to_the_library(
    monkeypatch: pytest.MonkeyPatch, scalar: str, loader: str
):
    monkeypatch.setattr(yamlvalues, "LOADER", getattr(yaml, loader))
    for text in (scalar, f"- {scalar}\n- x", f"key: {scalar}") if ": " not in scalar else (scalar,):
        assert repr(yamlvalues.read(text)) == repr(yaml.safe_load(text)), text


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "---\n",
        "# nothing\n",
        "[]",
        "{}",
        "[1, [2, {a: 3}], {b: [4]}]",
        "{1: a, true: b, null: c, 2026-11-22: d}",
        "{a: 1, a: 2}",
        "- &one {a: 1, b: 2}\n- *one\n- {<<: *one, b: 3, c: 4}\n- {b: 3, <<: *one}\n- {'<<': 1}\n",
        "- &one {a: 1}\n- &two {<<: *one, b: 2}\n- {<<: *two, a: 3}\n",
        "- &word yes\n- *word\n- &list [*word]\n- *list\n",
    ],
)
def test_a_document_has_the_values_of_the_library(monkeypatch: pytest.MonkeyPatch, text: str, loader: str):
    monkeypatch.setattr(yamlvalues, "LOADER", getattr(yaml, loader))
    assert repr(yamlvalues.read(text)) == repr(yaml.safe_load(text))


def test_what_is_named_twice_is_one_value():
    one, other = yamlvalues.read("[&a {b: 1}, *a]")
    assert one is other


@pytest.mark.parametrize(
    "text",
    [
        "[", "a: b: c", "- a\nb", "*nobody", "a\n---\nb", "!!python/name:os.system x", "!!str 1", "!own {a: 1}",
        "{[1]: 2}", "{{a: 1}: 2}", "{<<: 1}", "{<<: [1]}", "\x00", "@a",
    ],
)  # fmt: skip
def test_what_our_data_does_not_need_is_refused(text: str):
    with pytest.raises(yaml.YAMLError):
        yamlvalues.read(text)
