"""`tokenwidgets.toml`: the user's hosts, aliases and default model. Keys never stand in it."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

from ..dialects import SOCKETS
from ..dialects.base import Profile, ReasoningStyle
from ..errors import Refused
from .hosts import BUILT_IN, Host

ENV = "TOKENWIDGETS_CONFIG"
TOP = ("default_model", "hosts", "aliases", "local")
HOST_FIELDS: Mapping[str, type] = {
    "dialect": str, "base_url": str, "key_env": str, "local": bool, "models": list, "dialects": dict, "profile": dict,
}  # fmt: skip
"""What a host's table may hold, and the kind of each. Kinds are strict: `local = "false"` must not open the local network."""

_KINDS: Mapping[type, str] = {
    str: "a string", bool: "true or false", list: "a list of strings", dict: "a table",
}  # fmt: skip


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
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Config(hosts=_built_in(), path=path)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as e:
        raise Refused("bad_request", f"{path} cannot be read as TOML: {e}.") from None
    _known(data, TOP, path, "")
    hosts = _built_in()
    for name, table in _table(data, "hosts", path).items():
        hosts[name] = _host(name, table, hosts.get(name), path)
    if "default_model" in data:
        _kind(data["default_model"], str, f"{path}: default_model")
    return Config(
        hosts=hosts,
        aliases=_strings(_table(data, "aliases", path), f"{path}: aliases"),
        default_model=data.get("default_model"),
        local_models={name: Path(file).expanduser() for name, file in _strings(_table(data, "local", path), f"{path}: local").items()},
        path=path,
    )


def _built_in() -> dict[str, Host]:
    """The built-in hosts; those at an address of the user's own are where the environment says."""
    return {name: _located(host) for name, host in BUILT_IN.items()}


def _located(host: Host) -> Host:
    """The host at the address of its variable; a mistaken one is none, and asking the host says what to set."""
    url = os.environ.get(host.url_env or "", "").strip().rstrip("/")
    try:
        _address(url, ("http", "https"), Path(f"${host.url_env}"), host.name)
    except Refused:
        return host
    return replace(host, dialects=_at(url.removesuffix(host.url_path) + host.url_path, host.dialects))


def _at(url: str, names: Iterable[str]) -> dict[str, str]:
    """Dialects at one address, those over a WebSocket with its scheme."""
    return {name: re.sub("^http", "ws", url) if name in SOCKETS else re.sub("^ws", "http", url) for name in names}


_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
"""Names of variables that no key looks like: the sentence about a missing key shows them."""


def one_off(name: str, table: Mapping[str, Any], base: Host | None) -> Host:
    """A host that stands in no file, under the rules of the file."""
    return _host(name, table, base, Path("tw.Provider"))


def _host(name: str, table: Any, base: Host | None, path: Path) -> Host:
    where = f"hosts.{name}"
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise Refused("bad_request", f"{path}: {where} cannot name a host: letters, digits, -, _ and . make a name.")
    _kind(table, dict, f"{path}: [{where}]")
    _known(table, tuple(HOST_FIELDS), path, where)
    for key, value in table.items():
        _kind(value, HOST_FIELDS[key], f"{path}: {where}.{key}")
    host = base or Host(name, key_needed="key_env" in table, about=f"from {path.name}")
    changes: dict[str, Any] = {}
    if base is None or "base_url" in table or "dialect" in table or "dialects" in table:
        changes["dialects"] = _dialects(table, host, path, where)
    if "key_env" in table:
        if not _VARIABLE.fullmatch(table["key_env"]):
            raise Refused("bad_request", f"{path}: {where}.key_env names a variable, in capitals: a key itself never stands in this file.")
        changes |= {"key_env": table["key_env"], "key_needed": not table.get("local", host.local)}
    if "local" in table:
        changes["local"] = table["local"]
    if "models" in table:
        changes["models"] = tuple(table["models"])
    if "profile" in table:
        changes["profile"] = _profile(table["profile"], host.profile, path, where)
    return replace(host, **changes)


def _dialects(table: Mapping[str, Any], host: Host, path: Path, where: str) -> dict[str, str]:
    dialect = table.get("dialect", host.dialect or "openai-chat")
    url = table.get("base_url", host.dialects.get(dialect))
    further = _strings(table.get("dialects", {}), f"{path}: {where}.dialects")
    found = ({**_at(url, _moved(table, host, dialect)), dialect: url} if url else {}) | further or dict(host.dialects)
    for name, address in found.items():
        _address(address, ("ws", "wss") if name in SOCKETS else ("http", "https"), path, where)
    if not found:
        raise Refused("bad_request", f"{path}: {where} needs a base_url.")
    return {k: v.rstrip("/") for k, v in found.items()}


def _moved(table: Mapping[str, Any], host: Host, dialect: str) -> list[str]:
    """The dialects a base URL is for: one that is named, else all that were at the address of the host's default."""
    here = _at(host.dialects.get(dialect, ""), host.dialects)
    shared = [name for name, url in host.dialects.items() if url == here[name]] if dialect in host.dialects else []
    return shared if shared and "dialect" not in table else [dialect]


def _address(address: str, schemes: tuple[str, str], path: Path, where: str) -> None:
    """A base URL is a plain one: what else a URL may hold is shown in sentences and listings, and would be a secret."""
    try:
        url = urlsplit(address)
    except ValueError:
        url = urlsplit("")
    if url.scheme not in schemes or not url.hostname:
        begins = " or ".join(f"{scheme}://" for scheme in schemes)
        raise Refused("bad_request", f"{path}: {where} needs a base_url that begins with {begins} and names a host.")
    if "@" in url.netloc or url.query or url.fragment:
        raise Refused("bad_request", f"{path}: the base_url of {where} may hold no user, password or query: keys never stand in this file.")


def _profile(table: Mapping[str, Any], base: Profile, path: Path, where: str) -> Profile:
    plain = Profile()
    for name, value in table.items():
        if name not in Profile.__dataclass_fields__:
            raise Refused("bad_request", f"{path}: {where}.profile may hold {', '.join(Profile.__dataclass_fields__)}, not {name!r}.")
        _kind(value, str if isinstance(getattr(plain, name), str) else bool, f"{path}: {where}.profile.{name}")
    if table.get("reasoning_style", plain.reasoning_style) not in get_args(ReasoningStyle):
        raise Refused("bad_request", f"{path}: {where}.profile.reasoning_style is one of {', '.join(get_args(ReasoningStyle))}.")
    return replace(base, **table)


def _kind(value: Any, kind: type, place: str) -> None:
    inner = value if isinstance(value, list) else ()
    if not isinstance(value, kind) or not all(isinstance(v, str) for v in inner):
        raise Refused("bad_request", f"{place} is {_KINDS[kind]}.")


def _strings(table: Mapping[str, Any], place: str) -> dict[str, str]:
    for name, value in table.items():
        _kind(value, str, f"{place}.{name}")
    return dict(table)


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
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n") if path.exists() else []
    new = f"{name} = {json.dumps(model, ensure_ascii=False)}"
    try:
        at = lines.index("[aliases]") + 1
    except ValueError:
        lines += ["", "[aliases]", new] if lines else ["[aliases]", new]
    else:
        lines = [*lines[:at], new, *_without(lines[at:], name)]
    text = "\n".join(lines) + "\n"
    if _alias_in(text, name) != model:
        raise Refused("bad_request", f"{path} keeps its aliases in another form: add the line {new} there.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as e:
        raise Refused("bad_request", f"{path} cannot be written: {e.strerror}.") from None


def _alias_in(text: str, name: str) -> Any:
    """What an alias means in a file of that text; None when it is no TOML any more."""
    try:
        return tomllib.loads(text)["aliases"][name]
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return None


def _without(lines: list[str], name: str) -> list[str]:
    """Lines behind `[aliases]` without an earlier line of that name in the same table."""
    end = next((i for i, line in enumerate(lines) if line.startswith("[")), len(lines))
    return [line for line in lines[:end] if line.partition("=")[0].strip() != name] + lines[end:]
