"""One door to everything: ``python3 noxfile.py -s SESSION [options of the session]``.

It needs Python 3.11 or newer and nothing else. The file has two halves:

1. The *launcher* runs when the file is started as a program. It uses the standard library alone, finds nox
   or puts it into ``.cache/nox-venv``, moves the options of the session behind ``--`` (nox refuses options
   that it does not know), and hands over to nox.
2. The *sessions* are what nox reads. Their environments are kept, and filled again only when
   ``pyproject.toml`` changes.

Exit codes pass through. The launcher and the set-up of a session add two of their own: 2, this Python is too
old; 4, an environment could not be made. Neither says anything about a target.
"""

import shutil
import sys


def python_problem(version: "tuple[int, ...]", newer: "list[str]") -> str:
    """Return what to tell somebody whose Python is too old ("" if not); ``newer`` are Pythons at hand."""
    if version[:2] >= (3, 11):
        return ""
    this = ".".join(str(part) for part in version[:3])
    do = f"start it with `{newer[0]} noxfile.py ...`" if newer else "install Python 3.11 or newer"
    return f"chat-conformance needs Python 3.11 or newer.\n  why:  this is Python {this}\n  do:   {do}\n"


# What stands above this line, and the syntax of the whole file, has to suit a Python 3.6.
_found = [f"python3.{minor}" for minor in range(20, 10, -1) if shutil.which(f"python3.{minor}")]
if python_problem(sys.version_info[:3], _found):
    sys.stderr.write(python_problem(sys.version_info[:3], _found))
    sys.exit(2)

import hashlib
import importlib.metadata
import os
import signal
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
NOX = "nox>=2025.5.1"
NOX_OLDEST = (2025, 5, 1)
NOX_HOME = ROOT / ".cache" / "nox-venv"
SET_UP_FAILED = 4
SESSIONS = (
    "conformance",
    "tests",
    "lint",
    "types",
    "build",
    "interop",
    "bench",
    "bench-detection",
    "hostile",
)
CHOOSE = f"choose one or more of {', '.join(SESSIONS)}"
PACKAGE_DATA = ("conformance/py.typed", "conformance/report/html/page.html.jinja")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHECK_INDEX = (
    "check that this machine reaches a Python package index (network, HTTPS_PROXY, `pip config list`)"
)


# ---- the launcher


def refuse(what: str, *, why: str, do: str, code: int) -> NoReturn:
    """Say what happened, why, and what to do; end with ``code``."""
    sys.stderr.write(f"{what}\n  why:  {why}\n  do:   {do}\n")
    sys.exit(code)


def nox_arguments(arguments: Sequence[str]) -> list[str]:
    """Put a ``--`` in front of the options of the session, as nox wants it.

    Options of nox itself stand before ``-s NAME``; all that follows the names belongs to the session. A line
    that has a ``--`` already, or no ``-s``, is left as it is. An unknown name ends with 2;
    nox would say 3, which stands for an incomplete measurement here.
    """
    if "--" in arguments:
        return list(arguments)
    for start, argument in enumerate(arguments):
        if argument in ("-s", "--session", "--sessions"):
            end = start + 1
            while end < len(arguments) and arguments[end] in SESSIONS:
                end += 1
            if end == start + 1:
                name = "".join(arguments[end : end + 1])
                refuse(
                    f"There is no session {name!r}.", why=f"{argument} is followed by it", do=CHOOSE, code=2
                )
        elif argument.startswith(("-s=", "--session=", "--sessions=")):
            end = start + 1
        else:
            continue
        rest = arguments[end:]
        return [*arguments[:end], *(["--", *rest] if rest else [])]
    return list(arguments)


def with_target(options: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """Return options that name a target: their own, else that of the variable TARGET, else the reference.

    An empty variable names an empty target, which the suite refuses: a CI job whose variable got lost must
    not judge the embedded reference and look green.
    """
    if any(option.partition("=")[0] in ("--target", "--target-file") for option in options):
        return list(options)
    return ["--target", environ.get("TARGET", "reference"), *options]


def exit_code(returncode: int) -> int:
    """Turn the return code of a child into an exit code: -9 (killed by signal 9) is 137, as in a shell."""
    return returncode if returncode >= 0 else 128 - returncode


def pass_through(command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> int:
    """Run a command on this terminal and return its exit code.

    An interrupted run still writes its report: Ctrl-C, which the child gets too, is waited out, and SIGTERM
    is passed on. (Raising KeyboardInterrupt here could lose the child's code and leave 0 in its place.)
    """
    children: list[subprocess.Popen[bytes]] = []

    def pass_on(*_: object) -> None:
        for child in children:
            child.terminate()

    interrupt = signal.signal(signal.SIGINT, lambda *_: None)
    terminate = signal.signal(signal.SIGTERM, pass_on)
    with subprocess.Popen(command, env=env, cwd=cwd) as child:
        children.append(child)
        try:
            return exit_code(child.wait())
        finally:
            signal.signal(signal.SIGTERM, terminate)
            signal.signal(signal.SIGINT, interrupt)


def advice(output: str) -> str:
    """Return what to do about a failed installation, from what the installer printed."""
    said = output.lower()
    if "ensurepip" in said or "no module named venv" in said:
        return "install the venv module (Debian and Ubuntu: `apt install python3-venv`), or install uv"
    if "no space left" in said:
        return "free some disk space"
    if "permission denied" in said or "read-only file system" in said:
        return f"make {ROOT} writable, or work in a copy of it"
    signs = (
        "no matching distribution",
        "resolution",
        "unreachable",
        "timed out",
        "connect",
        "dns error",
        "ssl",
    )
    return CHECK_INDEX if any(sign in said for sign in signs) else "run the command by hand to see more"


def last_lines(output: str, count: int = 3) -> str:
    """Return the end of what an installer printed, on one line."""
    return " | ".join(line.strip() for line in output.strip().splitlines()[-count:]) or "it printed nothing"


def importable_nox() -> bool:
    """Tell whether this Python has a nox that is new enough."""
    try:
        version = importlib.metadata.version("nox")
    except importlib.metadata.PackageNotFoundError:
        return False
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit()) >= NOX_OLDEST


def private_nox() -> Path:
    """Return a Python of our own that has nox; make that environment if need be, with uv or venv."""
    python = NOX_HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, made_for = NOX_HOME / "made-for.txt", f"{NOX}\n{sys.executable}\n{sys.version}\n"
    if python.exists() and stamp.is_file() and stamp.read_text("utf-8") == made_for:
        return python
    sys.stderr.write(f"Putting nox into {NOX_HOME.relative_to(ROOT)} (once)\n")
    create, fill = [sys.executable, "-m", "venv", "--clear"], [str(python), "-m", "pip", "install", "-q"]
    recipes = [([*create, str(NOX_HOME)], [*fill, NOX])]
    uv = shutil.which("uv")
    if uv:
        create = [uv, "venv", "-q", "--clear", "--no-project", "--python", sys.executable]
        fill = [uv, "pip", "install", "-q", "--python", str(python)]
        recipes.insert(0, ([*create, str(NOX_HOME)], [*fill, NOX]))
    failure = ""
    for recipe in recipes:
        failure = next(filter(None, map(failure_of, recipe)), "")
        if not failure:
            stamp.write_text(made_for, "utf-8")
            return python
    refuse("nox could not be installed.", why=last_lines(failure), do=advice(failure), code=SET_UP_FAILED)


def failure_of(command: Sequence[str], env: Mapping[str, str] | None = None) -> str:
    """Run one step of a set-up; return the command and what it printed if it failed, else ""."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env=env
    )
    return f"{' '.join(command)}\n{done.stdout}" if done.returncode else ""


if __name__ == "__main__":
    nox_python = Path(sys.executable) if importable_nox() else private_nox()
    nox_command = [str(nox_python), "-m", "nox", "-f", str(ROOT / "noxfile.py"), *nox_arguments(sys.argv[1:])]
    sys.exit(pass_through(nox_command, env=os.environ, cwd=Path.cwd()))


# ---- the sessions

import nox
from nox.command import CommandFailed

nox.needs_version = NOX.removeprefix("nox")
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "types", "tests"]


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of a dependency group; older pips cannot read them themselves."""
    return nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), name)


def install(session: nox.Session, *requirements: str) -> None:
    """Install into the session's environment, unless it was done for the same ``pyproject.toml`` before."""
    if not session.virtualenv.location:
        return  # --no-venv: the environment is the user's own affair
    wanted = hashlib.sha256(repr(requirements).encode() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = Path(session.virtualenv.location) / "installed.txt"
    if stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return
    try:
        session.install(*requirements)
    except CommandFailed:
        refuse(
            f"The environment of session {session.name} could not be made.",
            why="the installer failed; it says above why",
            do=CHECK_INDEX,
            code=SET_UP_FAILED,
        )
    stamp.write_text(wanted, "utf-8")


def run(session: nox.Session, *command: str, cwd: Path = ROOT) -> None:
    """Run a Python command in the environment of the session; if it fails, end nox with its very exit code.

    nox's own ``session.run`` knows 0 and 1 alone. Bytecode is always written: with PYTHONDONTWRITEBYTECODE
    set, pytest rewrites the assertions of every plugin again in every process.
    """
    bins = session.bin_paths or []
    env = {**os.environ, **session.env, "PYTHONDONTWRITEBYTECODE": None}
    env["PATH"] = os.pathsep.join([*bins, os.environ.get("PATH", "")])
    python = shutil.which("python", path=env["PATH"]) or sys.executable
    code = pass_through([python, *command], env={k: v for k, v in env.items() if v is not None}, cwd=cwd)
    if code:
        sys.exit(code)


def browser(environ: Mapping[str, str]) -> str:
    """Return the program that opens report.html in tests, "" if there is none and none can be installed.

    It is that of the variable CHROMIUM, else a Chromium or Chrome on PATH, else Debian's package, which takes root.
    """
    if environ.get("CHROMIUM"):
        return environ["CHROMIUM"]
    found = next(filter(None, map(shutil.which, BROWSERS)), "")
    installer = shutil.which("apt-get")
    if found or not installer or os.geteuid():
        return found
    sys.stderr.write("Installing the Debian package chromium, in which the tests open report.html (once)\n")
    env = {**environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["update", "-q"], ["install", "-qy", "--no-install-recommends", "chromium"]):
        failure = failure_of([installer, *step], env=env)
        if failure:
            sys.stderr.write(f"That failed: {last_lines(failure)}\n")
    return shutil.which("chromium") or ""


@nox.session(reuse_venv=True)
def conformance(session: nox.Session) -> None:
    """Test a target (``--target URL --model NAME``); without one, the embedded reference."""
    install(session, "-e", ".[sdk]")
    # -P: a folder named conformance where the user stands is not ours.
    options = with_target(session.posargs, os.environ)
    run(session, "-P", "-m", "conformance.pytest_shell", *options, cwd=Path(session.invoked_from))


@nox.session(reuse_venv=True)
def tests(session: nox.Session) -> None:
    """Test the suite itself; options go to pytest."""
    install(session, "-e", ".[sdk]", *group("test"))
    session.env["CHROMIUM"] = browser(os.environ)
    run(session, "-m", "pytest", "-n", "2", *session.posargs)


@nox.session(reuse_venv=True)
def lint(session: nox.Session) -> None:
    """Check style and format."""
    install(session, *group("lint"))
    run(session, "-m", "ruff", "check", *session.posargs)
    run(session, "-m", "ruff", "format", "--check")


@nox.session(reuse_venv=True)
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    install(session, "-e", ".[sdk]", *group("types"))
    run(session, "-m", "mypy", *session.posargs)


@nox.session(reuse_venv=True)
def interop(session: nox.Session) -> None:
    """Run the suite against real servers, installed and started here; options name some of them."""
    install(session, "-e", ".")
    run(session, "-m", "tests.interop.run", *session.posargs)


@nox.session(reuse_venv=True)
def bench(session: nox.Session) -> None:
    """Measure the suite beside the schemathesis CLI and a bare loop of httpx; writes reports/bench.md."""
    install(session, "-e", ".")
    run(session, "-m", "tests.speed", *session.posargs)


@nox.session(reuse_venv=True)
def hostile(session: nox.Session) -> None:
    """Face every hostile server at full size and kill 200 runs; writes reports/hostile.md."""
    install(session, "-e", ".[sdk]", *group("test"))
    run(session, "-m", "tests.hostile", *session.posargs)


@nox.session(name="bench-detection", reuse_venv=True)
def bench_detection(session: nox.Session) -> None:
    """Prove what the suite finds and what it leaves alone; writes reports/detection.md and .json."""
    install(session, "-e", ".")
    run(session, "-m", "tests.bench", *session.posargs)


@nox.session(reuse_venv=True)
def build(session: nox.Session) -> None:
    """Build wheel and sdist, prove that the data is inside, run the wheel in a clean environment."""
    install(session, *group("build"))
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    run(session, "-m", "build", "--outdir", str(dist))
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")

    data = data_files(ROOT)
    with zipfile.ZipFile(wheel) as archive:
        prove_inside(wheel.name, archive.namelist(), [*wheel_paths(data), *PACKAGE_DATA])
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
        prove_inside(sdist.name, names, [*data, *PACKAGE_DATA, "noxfile.py", "LICENSE"])

    clean, elsewhere = (Path(session.create_tmp()).resolve() / name for name in ("clean", "elsewhere"))
    elsewhere.mkdir(exist_ok=True)
    run(session, "-m", "virtualenv", "--clear", "-q", str(clean))
    python = clean / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    session.run(str(python), "-m", "pip", "install", "-q", str(wheel), external=True)
    command = str(python.with_name("chat-conformance"))
    with session.chdir(elsewhere):
        session.run(command, "--version", external=True)
        session.run(command, "list", external=True, silent=True)
        part = ("--only", "stream.*", "--quiet", "--output", str(elsewhere / "report"))
        shutil.rmtree(elsewhere / "report", ignore_errors=True)
        session.run(command, "run", "--target", "reference", *part, external=True, silent=True)


def data_files(root: Path) -> list[str]:
    """Return the files that the suite cannot work without, relative to the checkout."""
    found = (path for folder in ("spec", "fixtures") for path in sorted((root / folder).rglob("*")))
    return [path.relative_to(root).as_posix() for path in found if path.is_file()]


def wheel_paths(data: Iterable[str]) -> list[str]:
    """Return where the wheel keeps data files: beside the code."""
    return [f"conformance/_data/{path}" for path in data]


def prove_inside(archive: str, names: Iterable[str], wanted: Iterable[str]) -> None:
    """End with 1 if one of the wanted files is not in the archive."""
    missing = sorted(set(wanted) - set(names))
    if missing:
        refuse(
            f"{archive} lacks {len(missing)} files: {', '.join(missing[:5])}",
            why="the [tool.hatch.build] tables of pyproject.toml do not select them",
            do="add them there",
            code=1,
        )
