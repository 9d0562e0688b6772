"""The backend `model`: what would have become of packets, computed. Simulated, and said so wherever it shows.

A discrete-event simulation of single packets, the same at each run of a seed. The link is the one that the other backends have
(`lab/link.py`), the bytes of the messages are the real ones (`wire/`), and the loss-tolerant channel is the real one
(`wire/redundancy.py`). What recovers lost packets below is imitated: the kernel's TCP (`tcp_*.py`,
`cubic.py`) and aiortc's SCTP (`sctp.py`).
"""

from .backend import Model, ModelRun
from .simulation import Simulation, simulate

__all__ = ["Model", "ModelRun", "Simulation", "simulate"]
