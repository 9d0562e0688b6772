"""Framing without I/O."""
