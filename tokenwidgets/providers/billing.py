"""What stopping a call does to its bill."""

from __future__ import annotations

from collections.abc import Iterable

from ..events import Billing, Entry, Notice
from .hosts import Host


def after_cancel(host: Host, entries: Iterable[Entry]) -> Billing | None:
    """Whether closing the connection stopped the bill, as far as it is documented.

    None where there is no bill, or nothing to put on it: no request had been sent, or the one that was had failed.

    Parameters
    ----------
    host : whose connection was closed.
    entries : the stream so far.
    """
    sent, provider = False, ""
    for notice in (entry.event for entry in entries if isinstance(entry.event, Notice)):
        match notice.kind:
            case "connection":
                sent = sent or "sent" in notice.data
            case "retry":
                sent, provider = False, ""
            case "provider":
                provider = str(notice.data.get("provider", ""))
    return host.billing(provider) if sent else None
