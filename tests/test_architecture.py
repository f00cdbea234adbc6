"""The shape of the code: import directions, sizes, and where things are."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "cogs", "models", "scheduler")
TOP_LEVEL = {
    "bot",
    "cogs",
    "models",
    "scheduler",
    "tests",
    "pyproject.toml",
    "config.example.toml",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE",
    "NOTICE",
}
LONGEST_MODULE, LONGEST_FUNCTION, LARGEST_PACKAGE = 350, 50, 12
PURE = (
    "scheduler/time/*.py",
    "scheduler/parsing/*.py",
    "scheduler/availability/slots.py",
    "scheduler/availability/zone_change.py",
    "scheduler/rooms/own_rooms.py",
    "scheduler/sessions/lifecycle.py",
)
"""Modules that compute without a database, Discord or the clock."""
PURE_MAY_IMPORT = {
    *("dateutil", "scheduler.core.errors", "scheduler.time"),
    *("scheduler.parsing.lists", "scheduler.parsing.typed_text", "scheduler.availability.slots"),
}
ALSO = {
    "scheduler/parsing/money.py": {"babel"},
    "scheduler/parsing/card_amounts.py": {"scheduler.parsing.money"},
    "scheduler/sessions/lifecycle.py": {"models"},
}
IMPURE_LIBRARY = {"asyncio", "os", "random", "secrets", "socket", "sqlite3", "subprocess", "time"}
"""Of the standard library."""
CLOCKS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "utils.utcnow")


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def calls(path: Path) -> Iterator[str]:
    """Yield the module's calls as written, with their lines."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            yield f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node.func)}"


def imported(path: Path) -> Iterator[str]:
    """Yield what a module imports, also inside its functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def is_pure(module: str, allowed: set[str]) -> bool:
    """Whether a pure module may import this one."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return top not in IMPURE_LIBRARY
    return any(module == one or module.startswith(f"{one}.") for one in allowed)


def test_imports_point_down_only() -> None:
    # In a separate process, because the linter disables this one's loggers.
    linter = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"

    outcome = subprocess.run([sys.executable, "-c", linter], cwd=ROOT, capture_output=True, text=True, check=False)

    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert "0 broken" in outcome.stdout


@pytest.mark.parametrize("pattern", PURE)
def test_pure_modules_import_only_pure_modules(pattern: str) -> None:
    found = {str(path.relative_to(ROOT)): set(imported(path)) for path in ROOT.glob(pattern)}

    impure = {
        path: sorted(module for module in modules if not is_pure(module, PURE_MAY_IMPORT | ALSO.get(path, set())))
        for path, modules in found.items()
    }

    assert found
    assert {path: modules for path, modules in impure.items() if modules} == {}


@pytest.mark.parametrize(
    "module", ["sqlalchemy", "time", "random", "scheduler.core.clock", "models", "babel.numbers"]
)
def test_impure_imports_are_found(module: str) -> None:
    assert not is_pure(module, PURE_MAY_IMPORT)


def test_no_package_is_too_large() -> None:
    sizes = {
        str(folder.relative_to(ROOT)): len([path for path in folder.glob("*.py") if path.name != "__init__.py"])
        for top in PACKAGES
        for folder in (ROOT / top).rglob("*")
        if (folder / "__init__.py").is_file() and folder.name != "versions"  # one module a migration
    }

    assert "scheduler/core" in sizes
    assert {folder: size for folder, size in sizes.items() if size > LARGEST_PACKAGE} == {}


def test_no_module_is_too_long() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in modules()
        if path.parent.name != "versions" and (lines := len(path.read_text("utf-8").splitlines())) > LONGEST_MODULE
    }

    assert too_long == {}


def test_no_function_is_too_long() -> None:
    too_long = {
        f"{path.relative_to(ROOT)} {node.name}": lines
        for path in modules()
        if path.parent.name != "versions"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > LONGEST_FUNCTION
    }

    assert too_long == {}


def test_every_module_has_a_docstring() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules()
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]

    assert silent == []


def test_no_module_has_a_vague_name() -> None:
    vague = [
        str(path.relative_to(ROOT))
        for path in modules()
        if {"utils", "util", "helpers", "helper", "manager", "tools"} & set(path.stem.split("_"))
    ]

    assert vague == []


def test_every_test_folder_is_a_package() -> None:
    holders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}

    bare = [str(folder.relative_to(ROOT)) for folder in holders if not (folder / "__init__.py").is_file()]

    assert ROOT / "tests" / "bot" in holders
    assert bare == []


def test_only_the_end_of_a_transaction_commits() -> None:
    found = [call for path in modules() for call in calls(path) if call.endswith(".commit")]

    assert found == []


def test_only_the_clock_module_reads_the_time() -> None:
    found = [call.partition(":")[0] for path in modules() for call in calls(path) if call.endswith(CLOCKS)]

    assert found == ["scheduler/core/clock.py"]


def test_the_top_level_holds_only_what_belongs_there() -> None:
    # The repository may belong to another user, for example if root runs this.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = subprocess.run(
        [*command, "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )

    entries = {name.split("/")[0] for name in listed.stdout.decode().split("\0") if name}

    assert "pyproject.toml" in entries
    assert {name for name in entries if not name.startswith(".")} <= TOP_LEVEL
