"""JSON values, and strings with a variable in them, as each language writes them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from ..providers.hosts import Host

LINE = 100
"""A value that fits in so many characters stands on one line."""

INDENT = "    "
"""Of what stands within brackets."""

KEY = "{key}"
"""Stands for the key in the headers that a dialect makes."""


def python(value: Any) -> str:
    """A JSON value in Python."""
    return _literal(value, repr)


def javascript(value: Any) -> str:
    """A JSON value in JavaScript."""
    # Written plainly this name would set the object's prototype. In a string its quotes would stand behind backslashes.
    return _literal(value, _json).replace('"__proto__": ', '["__proto__"]: ')


def python_headers(headers: Mapping[str, str]) -> str:
    """A dictionary in which the key is the variable `key`."""
    return _literal(headers, lambda text: _with_key(text, f"f{text!r}") if KEY in text else repr(text))


def javascript_headers(headers: Mapping[str, str]) -> str:
    """An object in which the key is the variable `key`."""
    return _literal(headers, lambda text: _with_key(text, f"`{text.replace(KEY, '${key}')}`") if KEY in text else _json(text))


def _with_key(text: str, written: str) -> str:
    return "key" if text == KEY else written


def _json(value: Any) -> str:
    """JSON that is UTF-8: half a surrogate pair is none, and stands there by its number."""
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace").decode()


def _literal(value: Any, write: Callable[[Any], str]) -> str:
    """A value, on one line where that holds it; `write` writes what holds no other."""
    if isinstance(value, Mapping):
        return _set([f"{write(name)}: {_literal(item, write)}" for name, item in value.items()], "{", "}")
    if isinstance(value, list):
        return _set([_literal(item, write) for item in value], "[", "]")
    return write(value)


def _set(items: list[str], opening: str, closing: str) -> str:
    line = f"{opening}{', '.join(items)}{closing}"
    if len(line) <= LINE and "\n" not in line:
        return line
    inner = "".join(f"\n{item}," for item in items).replace("\n", f"\n{INDENT}")
    return f"{opening}{inner}\n{closing}"


def shell_headers(headers: Mapping[str, str], host: Host) -> str:
    """Options of curl in which the key is the host's variable."""
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return " \\\n  ".join(f'-H "{line.replace(KEY, f"${host.key_env}")}"' if KEY in line else f"-H {shlex.quote(line)}" for line in lines)


def python_key(host: Host) -> str:
    """Where a program finds the host's key; a server that asks for none is given a word instead."""
    if host.key_env is None:
        return '"none needed"'
    return f'os.environ["{host.key_env}"]' if host.key_needed else f'os.environ.get("{host.key_env}", "none needed")'


def javascript_key(host: Host) -> str:
    """The same for Node."""
    return f"process.env.{host.key_env}" + ("" if host.key_needed else ' ?? "none needed"')
