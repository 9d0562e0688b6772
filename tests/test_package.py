"""The package as it is shipped: what importing costs, what is public, what the wheel holds, and the rules its modules keep."""

from __future__ import annotations

import ast
import gzip
import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from chat_server import run

import jupyter_server_ext
import tokenwidgets

ROOT = Path(__file__).parent.parent
BUNDLES = ("tokenwidgets/static/stream.js", "tokenwidgets/static/stream.css")


# ---- importing


def test_importing_pulls_in_nothing_of_others():
    program = """
import sys
before = set(sys.modules)
import tokenwidgets
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(new - set(sys.stdlib_module_names) - {"tokenwidgets"}))
tokenwidgets.__version__, dir(tokenwidgets)
print("IPython" in sys.modules, "anywidget" in sys.modules)
"""
    assert run("-c", program) == (0, "[]\nFalse False\n", "")


def test_the_extension_point_is_read_without_what_is_heavy():
    program = """
import sys, jupyter_server_ext
jupyter_server_ext._jupyter_server_extension_points()
print(sorted({"aiortc", "av", "numpy", "pandas"} & set(sys.modules)))
"""
    code, out, err = run("-c", program)
    assert (code, out) == (0, "[]\n"), err


def test_all_is_what_there_is():
    assert tokenwidgets.__all__ == sorted(tokenwidgets.__all__)
    assert set(tokenwidgets.__all__) == set(tokenwidgets._HOME)
    assert dir(tokenwidgets) == tokenwidgets.__all__
    for name in tokenwidgets.__all__:
        assert getattr(tokenwidgets, name).__doc__, name
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        _ = tokenwidgets.nothing_of_that_name


def test_no_module_takes_the_place_of_a_function():
    """An import of `tokenwidgets.stream` would put the module where `tw.stream` is."""
    modules = {module.name for module in pkgutil.iter_modules(tokenwidgets.__path__)}
    assert not [name for name in modules & set(tokenwidgets.__all__) if not isinstance(getattr(tokenwidgets, name), ModuleType)]


def test_types_see_what_is_there():
    """The names for type checkers are those that are imported when used."""
    tree = ast.parse((ROOT / "tokenwidgets" / "__init__.py").read_text())
    imported = {
        (node.module, alias.name)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {(module, name) for name, module in tokenwidgets._HOME.items()}


def test_star_import():
    assert run("-c", "from tokenwidgets import *; print(stream.__name__, TokenStream.__name__)") == (0, "stream TokenStream\n", "")


def test_the_version_is_the_distributions():
    from importlib import metadata

    assert tokenwidgets.__version__ == metadata.version("tokenwidgets")


# ---- what is public


def modules(package: ModuleType) -> Iterator[ModuleType]:
    yield package
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not found.name.endswith(("local_server", "__main__")):
            yield importlib.import_module(found.name)


def public(package: ModuleType) -> Iterator[tuple[str, object]]:
    """Modules, and the public functions, classes and methods that they define."""
    for module in modules(package):
        yield module.__name__, module
        for name, thing in vars(module).items():
            if name.startswith("_") or getattr(thing, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(thing) or inspect.isclass(thing):
                yield f"{module.__name__}.{name}", thing
            if inspect.isclass(thing):
                for method, body in vars(thing).items():
                    if not method.startswith("_") and (inspect.isfunction(body) or isinstance(body, property)):
                        yield f"{module.__name__}.{name}.{method}", body


@pytest.mark.parametrize("package", [tokenwidgets, jupyter_server_ext], ids=lambda p: p.__name__)
def test_everything_public_says_what_it_is(package):
    missing = [name for name, thing in public(package) if not (thing.__doc__ or "").strip()]
    assert missing == []


# ---- rules of the design


def imports(path: Path) -> set[str]:
    """The top-level names of all that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.partition(".")[0])
    return found


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("folder", ["tokenwidgets/wire", "tokenwidgets/dialects"])
def test_framing_and_dialects_do_no_io(folder):
    assert sources(folder)
    for path in sources(folder):
        assert not imports(path) & {"asyncio", "socket", "time", "ssl", "threading", "httpx", "websockets", "aiortc"}, path


def test_the_library_has_no_tornado():
    for path in sources("tokenwidgets"):
        assert not imports(path) & {"tornado", "jupyter_server", "jupyter_server_ext"}, path


def test_files_are_of_a_readable_size():
    for path in [*sources("tokenwidgets"), *sources("jupyter_server_ext")]:
        assert len(path.read_text().splitlines()) <= 500, path


def test_no_module_is_named_for_nothing_in_particular():
    for path in [*sources("tokenwidgets"), *sources("jupyter_server_ext")]:
        assert path.stem not in ("utils", "util", "helpers", "common", "misc"), path


# ---- the wheel


def test_the_bundle_is_small():
    script = ROOT / BUNDLES[0]
    if not script.exists():
        pytest.skip("the front end is not built here")
    assert len(gzip.compress(script.read_bytes())) <= 60_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """A wheel of this tree, built without a network."""
    pytest.importorskip("hatch_jupyter_builder", reason="the build's hook is not installed")
    pytest.importorskip("hatchling")
    if not all((ROOT / name).exists() for name in BUNDLES):
        pytest.skip("the front end is not built here")
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(target), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(target.glob("*.whl"))) as file:
        yield file


def test_the_wheel_holds_two_packages_and_the_switch(wheel):
    names = wheel.namelist()
    record = next(name for name in names if name.endswith(".dist-info/RECORD"))
    listed = [line.split(",")[0] for line in wheel.read(record).decode().splitlines()]
    assert sorted(listed) == sorted(names)
    info, data = record.partition("/")[0], record.partition(".dist-info")[0] + ".data"
    assert {name.partition("/")[0] for name in names} == {"tokenwidgets", "jupyter_server_ext", info, data}
    assert [name for name in names if name.startswith(data)] == [f"{data}/data/etc/jupyter/jupyter_server_config.d/tokenwidgets.json"]
    switch = json.loads(wheel.read(f"{data}/data/etc/jupyter/jupyter_server_config.d/tokenwidgets.json"))
    assert switch == {"ServerApp": {"jpserver_extensions": {"jupyter_server_ext": True}}}


def test_the_wheel_holds_what_it_needs_and_nothing_else(wheel):
    names = set(wheel.namelist())
    assert set(BUNDLES) <= names
    assert "tokenwidgets/py.typed" in names
    assert {str(path.relative_to(ROOT)) for path in [*sources("tokenwidgets"), *sources("jupyter_server_ext")]} <= names
    for name in names:
        assert not {"node_modules", "tests", "__pycache__", "js", ".hypothesis"} & set(name.split("/")), name
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "tokenwidgets" / "recordings").glob("*.jsonl")} <= names
    assert {str(path.relative_to(ROOT)) for path in (ROOT / "tokenwidgets" / "codegen").rglob("*.txt")} <= names


def test_no_file_names_a_place_of_this_machine(wheel):
    marks = [str(ROOT).encode(), str(Path.home()).encode() + b"/"]
    for name in wheel.namelist():
        assert not any(mark in wheel.read(name) for mark in marks), name
