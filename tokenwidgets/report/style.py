"""How a report looks: the widgets' colours by the names they have in Jupyter, light and dark, on a screen and on paper."""

from __future__ import annotations

from ..markup import Html, tag

STYLE = """
:root { color-scheme: light dark; --jp-ui-font-color1: #212121; --jp-ui-font-color2: #5f6368; --jp-border-color1: #9e9e9e;
  --jp-border-color2: #d6d6d6; --jp-layout-color0: #fff; --ground: #fff; --tint: rgba(128,128,128,.09); --red: #c62828; }
@media (prefers-color-scheme: dark) { :root { --jp-ui-font-color1: #e4e4e4; --jp-ui-font-color2: #a2a6ab; --jp-border-color1: #7d8186;
  --jp-border-color2: #3a3d41; --jp-layout-color0: #16181a; --ground: #16181a; --red: #ef7b7b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--jp-ui-font-color1);
  font: 14px/1.5 system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; font-weight: 600; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 15px; margin: 40px 0 8px; padding-top: 8px; border-top: 1px solid var(--jp-border-color2); font-weight: 600; }
p { margin: 4px 0; max-width: 76ch; }
.quiet, figcaption { color: var(--jp-ui-font-color2); }
.verdict p { font-size: 16px; line-height: 1.5; margin: 8px 0; overflow-wrap: anywhere; }
.told { border-left: 3px solid #f57c00; padding-left: 10px; }
pre, code { font: 12.5px/1.5 ui-monospace, Menlo, Consolas, monospace; }
pre { margin: 8px 0; padding: 8px 12px; background: var(--tint); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere;
  unicode-bidi: isolate; max-height: 320px; overflow: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; font-size: 13px; }
th, td { text-align: left; vertical-align: top; padding: 4px 16px 4px 0; border-bottom: 1px solid var(--jp-border-color2); }
th { font-weight: 600; } thead th { font-weight: 400; color: var(--jp-ui-font-color2); white-space: nowrap; }
tbody th { font-weight: 400; } .numbers td, .numbers th { white-space: nowrap; }
svg { display: block; width: 100%; height: auto; } .legend svg { display: inline-block; width: 22px; vertical-align: middle; }
figure { margin: 16px 0; max-width: 620px; } .strips { overflow-x: auto; } .strips svg { min-width: 560px; }
.strips svg + div { display: none; }
.legend p > span, p.legend > span { display: inline-block; margin-right: 16px; } .legend i { display: inline-block;
  width: 16px; height: 9px; margin-right: 6px; }
.runs { font-size: 12px; line-height: 16px; min-width: 560px; }
.runs td { padding: 1px 12px 1px 0; border: 0; white-space: nowrap; vertical-align: middle; }
.runs .track { width: 100%; min-width: 240px; } .runs svg { height: 14px; } .letter { font-weight: 700; }
.failure { color: var(--red); white-space: normal; overflow-wrap: anywhere; }
details { margin: 8px 0; } summary { cursor: pointer; color: var(--jp-ui-font-color2); }
summary:focus-visible { outline: 2px solid #1976d2; outline-offset: 2px; }
@media (max-width: 560px) { main { padding: 16px 12px 48px; } h1 { font-size: 20px; } th, td { padding-right: 12px; } }
@media print { :root { --jp-ui-font-color1: #000; --jp-ui-font-color2: #444; --jp-border-color2: #ccc; --ground: #fff; --red: #b00; }
  main { max-width: none; padding: 0; } h2 { break-after: avoid; } tr, figure, pre { break-inside: avoid; }
  .wide, .strips, pre { overflow: visible; max-height: none; } }
"""


def wide(label: str, *children: str, kind: str = "wide") -> Html:
    """What may be wider than the page, and then scrolls by keys as well.

    Parameters
    ----------
    label : what it is, for those who hear it.
    children : in it.
    kind : classes of the style.
    """
    return tag("div", *children, class_=kind, tabindex="0", role="group", aria_label=label)
