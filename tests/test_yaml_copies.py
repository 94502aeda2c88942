"""A copy says what its YAML file says, and a file that was edited since is read itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from conformance import yamlcopies
from conformance.datafile import read_yaml
from conformance.errors import CatalogueError
from conformance.paths import data_root

ROOT = data_root()
FILES = yamlcopies.sources(ROOT)
REFRESH = "make the copies anew: python -m conformance.freeze"


def test_there_are_files():
    assert len(FILES) > 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_file_has_a_copy_that_says_the_same(file: Path):
    """Their texts are compared, as True equals 1; so the order of members counts as well."""
    text = file.read_bytes()
    assert repr(yamlcopies.copy_of(text)) == repr(yaml.safe_load(text)), REFRESH


def test_no_copy_is_left_of_what_is_gone():
    kept = (ROOT / "spec" / yamlcopies.FILE).read_bytes()
    assert len(kept.splitlines()) == len(FILES), REFRESH


def test_an_edited_file_is_read_itself(tmp_path: Path):
    edited = tmp_path / "features.yaml"
    edited.write_bytes((ROOT / "spec" / "features.yaml").read_bytes() + b"\n- id: brand-new\n")
    assert read_yaml(edited)[-1] == {"id": "brand-new"}


def test_a_value_that_is_changed_by_its_reader_is_not_changed_for_the_next():
    file = ROOT / "spec" / "features.yaml"
    read_yaml(file).clear()
    assert read_yaml(file)


def test_what_is_no_yaml_is_named(tmp_path: Path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [", "utf-8")
    with pytest.raises(CatalogueError, match="is not YAML"):
        read_yaml(broken)


def test_a_value_without_a_place_in_json_is_refused(tmp_path: Path):
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "odd.yaml").write_text("- !!binary aGk=", "utf-8")
    with pytest.raises(TypeError, match="no place"):
        yamlcopies.write(tmp_path)


def test_dates_are_kept_as_such(tmp_path: Path):
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "day.yaml").write_text("day: 2026-11-22", "utf-8")
    yamlcopies.write(tmp_path)
    (line,) = (tmp_path / "spec" / yamlcopies.FILE).read_text("ascii").splitlines()
    assert json.loads(line.split(" ", 2)[2]) == {"day": {"$date": "2026-11-22"}}
