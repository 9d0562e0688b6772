"""`tokenwidgets.toml`: the user's hosts, aliases and default model. Keys never stand in it."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ..dialects.base import Profile
from ..errors import Refused
from .hosts import BUILT_IN, Host

ENV = "TOKENWIDGETS_CONFIG"
TOP = ("default_model", "hosts", "aliases", "local")
HOST_FIELDS = ("dialect", "base_url", "key_env", "local", "models", "dialects", "profile")


@dataclass(frozen=True, slots=True)
class Config:
    """What the user's file says, over what is built in.

    Parameters
    ----------
    hosts : every host by name, built-in and the user's.
    aliases : short names for models.
    default_model : model of a request that names none, or None.
    local_models : GGUF files by the name under which `local` serves them.
    path : where the file is, or would be.
    """

    hosts: Mapping[str, Host] = field(default_factory=lambda: dict(BUILT_IN))
    aliases: Mapping[str, str] = field(default_factory=dict)
    default_model: str | None = None
    local_models: Mapping[str, Path] = field(default_factory=dict)
    path: Path = Path("tokenwidgets.toml")

    def host(self, name: str) -> Host:
        """The host called `name`.

        Raises
        ------
        Refused : there is none; the sentence names near ones.
        """
        if name in self.hosts:
            return self.hosts[name]
        near = get_close_matches(name, self.hosts, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(self.hosts)}."
        raise Refused("not_found", f"There is no host {name!r}: {hint} A new one is a table [hosts.{name}] in {self.path.name}.")

    def model(self, name: str) -> str:
        """`name`, or what it is an alias of."""
        return self.aliases.get(name, name)


def config_path() -> Path:
    """`$TOKENWIDGETS_CONFIG`, else `tokenwidgets.toml` in the Jupyter config directory."""
    if path := os.environ.get(ENV):
        return Path(path)
    from jupyter_core.paths import jupyter_config_dir

    return Path(jupyter_config_dir()) / "tokenwidgets.toml"


def load(path: Path | None = None) -> Config:
    """Read the file; without one, what is built in.

    Raises
    ------
    Refused : the file cannot be read or says something it may not; the sentence names the file and the place.
    """
    path = path or config_path()
    try:
        data = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return Config(path=path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise Refused("bad_request", f"{path} cannot be read as TOML: {e}.") from None
    _known(data, TOP, path, "")
    hosts = dict(BUILT_IN)
    for name, table in _table(data, "hosts", path).items():
        hosts[name] = _host(name, table, hosts.get(name), path)
    files = _table(data, "local", path)
    return Config(
        hosts=hosts,
        aliases={k: str(v) for k, v in _table(data, "aliases", path).items()},
        default_model=data.get("default_model"),
        local_models={name: Path(str(file)).expanduser() for name, file in files.items()},
        path=path,
    )


def _host(name: str, table: Any, base: Host | None, path: Path) -> Host:
    where = f"hosts.{name}"
    if not isinstance(table, Mapping):
        raise Refused("bad_request", f"{path}: [{where}] is a table.")
    _known(table, HOST_FIELDS, path, where)
    host = base or Host(name, key_needed="key_env" in table, about=f"from {path.name}")
    changes: dict[str, Any] = {}
    if "base_url" in table or "dialect" in table or "dialects" in table:
        changes["dialects"] = _dialects(table, host, path, where)
    if "key_env" in table:
        changes |= {"key_env": str(table["key_env"]), "key_needed": not table.get("local", host.local)}
    if "local" in table:
        changes["local"] = bool(table["local"])
    if "models" in table:
        changes["models"] = tuple(str(m) for m in table["models"])
    if "profile" in table:
        changes["profile"] = _profile(table["profile"], host.profile, path, where)
    return replace(host, **changes)


def _dialects(table: Mapping[str, Any], host: Host, path: Path, where: str) -> dict[str, str]:
    dialect = table.get("dialect", host.dialect or "openai-chat")
    url = table.get("base_url", host.dialects.get(dialect))
    further = {str(k): str(v) for k, v in table.get("dialects", {}).items()}
    found = ({dialect: str(url)} if url else {}) | further or dict(host.dialects)
    for address in found.values():
        if not address.startswith(("http://", "https://")):
            raise Refused("bad_request", f"{path}: {where} needs a base_url that begins with http:// or https://.")
    if not found:
        raise Refused("bad_request", f"{path}: {where} needs a base_url.")
    return {k: v.rstrip("/") for k, v in found.items()}


def _profile(table: Any, base: Profile, path: Path, where: str) -> Profile:
    try:
        return replace(base, **table)
    except TypeError:
        known = ", ".join(Profile.__dataclass_fields__)
        raise Refused("bad_request", f"{path}: {where}.profile may hold {known}.") from None


def _table(data: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    value = data.get(name, {})
    if not isinstance(value, Mapping):
        raise Refused("bad_request", f"{path}: {name!r} is a table.")
    return value


def _known(table: Mapping[str, Any], names: tuple[str, ...], path: Path, where: str) -> None:
    for name in table:
        if name in names:
            continue
        if "key" in name and name != "key_env":
            raise Refused("bad_request", f"{path}: a key never stands in this file ({name!r}); name its variable with key_env.")
        place = f"[{where}]" if where else "the file"
        raise Refused("bad_request", f"{path}: {place} may not hold {name!r}; it may hold {', '.join(names)}.")


def add_alias(name: str, model: str) -> None:
    """Write an alias into the user's file, which is otherwise left as it is.

    Raises
    ------
    Refused : the name cannot be one, or the file cannot be written.
    """
    path = load().path  # also refuses to touch a file that is not well
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise Refused("bad_request", f"{name!r} cannot be an alias: letters, digits, - and _ make one.")
    lines = path.read_text().splitlines() if path.exists() else []
    new = f"{name} = {json.dumps(model)}"
    try:
        at = lines.index("[aliases]") + 1
    except ValueError:
        lines += ["", "[aliases]", new] if lines else ["[aliases]", new]
    else:
        lines = [*lines[:at], new, *_without(lines[at:], name)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def _without(lines: list[str], name: str) -> list[str]:
    """Lines behind `[aliases]` without an earlier line of that name in the same table."""
    end = next((i for i, line in enumerate(lines) if line.startswith("[")), len(lines))
    return [line for line in lines[:end] if line.partition("=")[0].strip() != name] + lines[end:]
