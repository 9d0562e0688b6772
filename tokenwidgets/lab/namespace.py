"""A process alone in a network: a namespace of its own with one TUN device, whose packets another process carries.

Only processes hold the namespace, and only its descriptors the device: both vanish with them, however they end. As root, or without where
the system allows user namespaces; no program is run and nothing is named in the system. Linux only.

`python -m tokenwidgets.lab.namespace` tries it and says why not.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
"""linux/sched.h."""

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
"""linux/if_tun.h: whole IP packets, with nothing before them."""

SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFDSTADDR, IFF_UP = 0x8914, 0x8916, 0x8918, 0x0001
"""linux/sockios.h, linux/if.h."""

SIOCADDRT, RTF_UP, RTF_GATEWAY = 0x890B, 0x0001, 0x0002
"""linux/sockios.h, linux/route.h."""

DEVICE = "lab0"
SERVER, CLIENT = "10.99.0.1", "10.99.0.2"
"""The two ends' addresses, in namespaces where nothing else is."""


def enter(me: str, peer: str) -> int:
    """Leave for a network where there is loopback and a device to `peer`; returns the descriptor that its packets come out of and go into.

    Called before there is a second thread.

    Raises
    ------
    OSError : the system does not allow it; the sentence says what.
    """
    _unshare()
    with suppress(OSError):  # where it stays, the link passes IPv6's own chatter over
        Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text("1")
    tun = _tun()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFADDR, _address(DEVICE, me))
        fcntl.ioctl(control, SIOCSIFDSTADDR, _address(DEVICE, peer))
        for device in ("lo", DEVICE):
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", device.encode(), IFF_UP))
        fcntl.ioctl(control, SIOCADDRT, _default_route(peer))
    return tun


def users() -> str:
    """The name of the user namespace this process is in."""
    return str(Path("/proc/self/ns/user").readlink())


def _unshare() -> None:
    """A network namespace of our own; where that is not ours to make, inside a user namespace of our own."""
    if not _unshared(CLONE_NEWNET) and not _unshared(CLONE_NEWUSER | CLONE_NEWNET):
        why = os.strerror(ctypes.get_errno()).lower()
        raise OSError(errno.EPERM, f"neither root's rights nor user namespaces are allowed here ({why})")


def _unshared(flags: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.unshare(flags) == 0)


def _tun() -> int:
    try:
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    except OSError as e:
        raise OSError(e.errno, f"/dev/net/tun cannot be opened ({(e.strerror or '').lower()})") from None
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def _default_route(gateway: str) -> bytes:
    """`struct rtentry` for everywhere: along it a browser looks for its own address, though nothing is sent there."""
    everywhere, by = (struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(address)) for address in ("0.0.0.0", gateway))  # noqa: S104
    return struct.pack("@L16s16s16sHhLPhPLLH", 0, everywhere, by, everywhere, RTF_UP | RTF_GATEWAY, 0, 0, 0, 0, 0, 0, 0, 0)


def _address(device: str, address: str) -> bytes:
    """`struct ifreq` with a `struct sockaddr_in`."""
    return struct.pack("16sHH4s16x", device.encode(), socket.AF_INET, 0, socket.inet_aton(address))


if __name__ == "__main__":
    try:
        enter(SERVER, CLIENT)
    except OSError as e:
        sys.exit(e.strerror)
