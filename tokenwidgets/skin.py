"""Colours and fonts of static forms: the host's, with fallbacks that hold on white and on black."""

from __future__ import annotations

INK = "var(--jp-ui-font-color1,inherit)"
QUIET = "var(--jp-ui-font-color2,#777)"
LINE = "var(--jp-border-color2,rgba(128,128,128,.4))"
TINT = "rgba(128,128,128,.15)"
GROUND = "rgba(128,128,128,.09)"
"""Behind code."""
CODE = "var(--jp-code-font-family,ui-monospace,Menlo,Consolas,monospace)"
UI = "var(--jp-ui-font-family,system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif)"
PROSE = "var(--jp-content-font-family,system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif)"
DONE = "var(--jp-border-color1,#9e9e9e)"
AMBER, RED = "#f57c00", "#d32f2f"

WRAP = "white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate"
