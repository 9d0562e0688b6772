"""A host with a key of its own, given in the kernel."""

from __future__ import annotations

from .errors import Refused
from .providers import config, keys
from .providers.hosts import Host
from .providers.keys import Given, Secret


class Provider:
    """Where to ask, and the key for it, for `tw.stream(…, provider=…)`: comes before every other place in which a key is looked for.

    Its streams run in this kernel, since the key is nowhere else. It is not shown, pickled or written anywhere. Best it never stands in
    the notebook either: `tw.Provider("openai", key=getpass())`.

    Parameters
    ----------
    host : a host that is known, or a name for one at `base_url`.
    key : for this object's streams alone.
    base_url : where it is, if not where the configuration says; without a `key` it is asked without one.
    dialect : wire format it is asked in; by default the host's own, or chat completions.
    local : whether it may be at a loopback or private address.

    Raises
    ------
    Refused : there is no such host, the address is none, or what was given cannot be a key.
    """

    __slots__ = ("given", "host")

    def __init__(
        self, host: str, *, key: str | None = None, base_url: str | None = None, dialect: str | None = None, local: bool = False
    ) -> None:
        secret = None if key is None else Secret(key.strip())
        key = None  # a verbose traceback shows what variables hold
        self.host = host
        if secret is None and base_url is None:
            raise Refused("bad_request", f"tw.Provider needs a key or a base_url: without them ask for {host}/… and its own key is used.")
        found = _host(host, base_url, dialect, local)
        found.base_url(found.dialect)
        self.given = Given(found, keys.given(found, secret) if secret else None)

    def named(self, model: str | None) -> str:
        """`host/model` of a model that may be named without its host.

        Raises
        ------
        Refused : none is named.
        """
        if not model:
            raise Refused("bad_request", f"Say which model of {self.host} to ask: model=….")
        return model if model.startswith((f"{self.host}/", f"{self.host}:")) else f"{self.host}/{model}"

    def __repr__(self) -> str:
        return f"<provider {self.host}>"


def _host(name: str, base_url: str | None, dialect: str | None, local: bool) -> Host:
    settings = config.load()
    if base_url is None:
        settings.host(name)  # refuses one that is not known, and names near ones
    known = settings.hosts.get(name)
    if known is not None and known.served_here:
        raise Refused("bad_request", f"{name} answers inside tokenwidgets and takes no key or address: give a server another name.")
    table = {"base_url": base_url, "dialect": dialect, "local": local or None}
    return config.one_off(name, {field: value for field, value in table.items() if value is not None}, known)
