"""Where keys come from. They are read when a call is made, by the process that makes it, and shown to nobody.

Order: a provider object given in the kernel; the operating system's keyring where a real one exists; `keys.toml` (mode 0600) in the
Jupyter config directory; the host's environment variable. A key is bound to its host: but for the provider object, nothing in this
package takes one as an argument.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from ..errors import Refused
from .hosts import Host

SERVICE = "tokenwidgets"
"""Name under which keys stand in the keyring."""


class Secret:
    """A key that does not show itself: no text form, no pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The key, for the header of one call."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not written anywhere")


@dataclass(frozen=True, slots=True)
class Key:
    """A key and where it was found, in words that may be shown."""

    secret: Secret
    source: str


@dataclass(frozen=True, slots=True)
class Given:
    """A host, and perhaps a key for it, that came as an object in the kernel: no file and no environment is asked."""

    host: Host
    key: Key | None


def keys_path() -> Path:
    """`keys.toml` in the Jupyter config directory: outside the notebook root, one line a host: `openai = "…"`."""
    from jupyter_core.paths import jupyter_config_dir

    return Path(jupyter_config_dir()) / "keys.toml"


def find(host: Host) -> Key | None:
    """The key of a host, or None.

    Raises
    ------
    Refused : `keys.toml` is readable by others, or no TOML; what was found cannot be a key.
    """
    return _from_keyring(host) or _from_file(host) or _from_environment(host)


def need(host: Host) -> Key | None:
    """Like `find`, for a call about to be made.

    Raises
    ------
    Refused : the host needs a key and there is none; the sentence names the variable and the command that sets it.
    """
    key = find(host)
    if key is None and host.key_needed:
        page = f" Keys: {host.key_page}." if host.key_page else ""
        raise Refused("auth", f"No key for {host.name}: set {host.key_env}, or store one with: %stream config key {host.name}.{page}")
    return key


def given(host: Host, secret: Secret) -> Key:
    """A key that came as an object in the kernel.

    Raises
    ------
    Refused : it cannot be a key.
    """
    if not _may_be_key(secret.reveal()):
        raise _implausible(host, "what was given")
    return Key(secret, "the provider object")


def store(host: Host, key: str) -> str:
    """Keep a key for a host, write-only; returns where, in words.

    Raises
    ------
    Refused : it cannot be a key, or cannot be kept. A traceback of the failure itself could show the key.
    """
    key = _plausible(key.strip(), host, "what was given")
    if (ring := _keyring()) is not None:
        try:
            ring.set_password(SERVICE, host.name, key)
        except Exception as e:
            raise Refused("auth", f"The system keyring did not take the key ({type(e).__name__}): is it unlocked?") from None
        return "the system keyring"
    path = keys_path()
    known = {**_read(path), host.name: key}
    try:
        _write(path, "".join(f"{_quote(name)} = {_quote(value)}\n" for name, value in known.items()))
    except OSError as e:
        raise Refused("auth", f"{path} cannot be written: {e.strerror}.") from None
    return path.name


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)  # one left behind would lend its mode
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def _plausible(value: str, host: Host, where: str) -> str:
    """A key as it can stand in a header. Raises `Refused`, which would otherwise come later and less clearly."""
    if _may_be_key(value):
        return value
    raise _implausible(host, where)


def _may_be_key(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value and bool(value)


def _implausible(host: Host, where: str) -> Refused:
    return Refused("auth", f"The key for {host.name} ({where}) is empty, or holds a space, a line break or a character that no key has.")


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _keyring() -> Any:
    """The keyring package, if it is installed and its backend really stores (priority 1 and up)."""
    if find_spec("keyring") is None:
        return None
    import keyring

    return keyring if keyring.get_keyring().priority >= 1 else None


def _from_keyring(host: Host) -> Key | None:
    ring = _keyring()
    value = ring.get_password(SERVICE, host.name) if ring is not None else None
    return _key(value, host, "the system keyring")


def _from_file(host: Host) -> Key | None:
    return _key(_read(keys_path()).get(host.name), host, "keys.toml")


def _read(path: Path) -> dict[str, str]:
    try:
        if path.stat().st_mode & 0o077:
            raise Refused("auth", f"{path} can be read by others: run chmod 600 on it first.")
        data = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        # The parser's message would quote the line, and the line holds a key.
        raise Refused("auth", f'{path} is not readable as TOML: one line a host, name = "key".') from None
    return {name: value for name, value in data.items() if isinstance(value, str)}


def _from_environment(host: Host) -> Key | None:
    return _key(os.environ.get(host.key_env) if host.key_env else None, host, f"${host.key_env}")


def _key(value: str | None, host: Host, source: str) -> Key | None:
    value = (value or "").strip()
    return Key(Secret(_plausible(value, host, source)), source) if value else None
