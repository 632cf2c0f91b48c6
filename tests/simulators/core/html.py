"""The look of both pages: plain server-made HTML, one small style sheet, every value escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

from .ledger import Entry

STYLE = """
:root { --ink: #1d2733; --soft: #5b6b7c; --line: #dfe5ec; --paper: #fff; --ground: #f3f5f8; --accent: ACCENT; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", sans-serif; }
header { background: var(--accent); color: #fff; padding: 14px 24px; }
header h1 { margin: 0; font-size: 20px; font-weight: 600; }
header p { margin: 2px 0 0; opacity: .85; font-size: 13px; }
main { max-width: 1180px; margin: 0 auto; padding: 20px 24px 48px; }
nav { display: flex; flex-wrap: wrap; gap: 6px; margin-bottom: 14px; align-items: center; }
nav a { padding: 5px 12px; border-radius: 6px; color: var(--ink); text-decoration: none; border: 1px solid transparent; }
nav a:hover { border-color: var(--line); background: var(--paper); }
nav a[aria-current] { background: var(--accent); color: #fff; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 16px 20px; margin-bottom: 18px; }
h2 { font-size: 16px; margin: 0 0 10px; }
table { width: 100%; border-collapse: collapse; font-size: 14px; }
th { text-align: left; color: var(--soft); font-weight: 600; font-size: 12px; padding: 6px 8px; border-bottom: 2px solid var(--line); }
td { padding: 6px 8px; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: break-word; }
td code { overflow-wrap: anywhere; }
tr:hover td { background: #fafbfc; }
.scroll { overflow-x: auto; }
.off td { color: var(--soft); }
.bar { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-bottom: 12px; }
.fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 10px 16px; }
label { display: block; font-size: 12px; color: var(--soft); }
label.tick { display: flex; gap: 8px; align-items: center; font-size: 14px; color: var(--ink); padding-top: 18px; }
input[type=text], input[type=search], select, textarea { width: 100%; padding: 6px 8px; font: inherit; color: var(--ink);
  border: 1px solid #c4ced9; border-radius: 6px; background: #fff; }
input:focus, select:focus, textarea:focus, a:focus-visible, button:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
input[type=search] { width: 280px; }
button, .button { font: inherit; padding: 6px 14px; border-radius: 6px; border: 1px solid var(--accent); background: var(--accent);
  color: #fff; cursor: pointer; text-decoration: none; display: inline-block; }
button.plain, .button.plain { background: #fff; color: var(--ink); border-color: #c4ced9; }
button.danger { background: #fff; color: #b3261e; border-color: #e3b5b1; }
.message { border-left: 4px solid #2e7d4f; background: #eaf6ef; padding: 8px 14px; border-radius: 6px; margin-bottom: 14px; }
.message.bad { border-color: #b3261e; background: #fcecea; }
.chip { font-size: 12px; padding: 1px 8px; border-radius: 10px; background: #e8edf3; }
.chip.bad { background: #fbe3e1; color: #8c1d18; }
.chip.good { background: #e1f3e8; color: #1e5e3a; }
.soft { color: var(--soft); }
.keep { white-space: nowrap; }
td form { display: inline; }
td button { padding: 1px 8px; font-size: 13px; }
code { font: 13px ui-monospace, Consolas, monospace; }
"""
SHOWN = 200


def document(title: str, note: str, accent: str, body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE.replace('ACCENT', accent)}</style></head><body>"
        f"<header><h1>{escape(title)}</h1><p>{escape(note)}</p></header><main>{body}</main></body></html>"
    )


def link(text: str, *, current: bool = False, css: str = "", **query: Any) -> str:
    mark = ' aria-current="page"' if current else ""
    css_text = f' class="{css}"' if css else ""
    return f'<a href="/?{escape(urlencode(query))}"{mark}{css_text}>{escape(text)}</a>'


def message(text: str, *, bad: bool = False) -> str:
    return f'<p class="message{" bad" if bad else ""}" role="status">{escape(text)}</p>' if text else ""


def table(heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Cells come as finished HTML; each row with its class."""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f'<tr class="{css}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>' for css, cells in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def cell(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "✓" if value else ""
    return escape(str(value))


def text_input(name: str, value: Any, *, long: bool = False) -> str:
    shown = "" if value is None else escape(str(value))
    if long:
        return f'<label>{escape(name)}<textarea name="{escape(name)}" rows="2">{shown}</textarea></label>'
    return f'<label>{escape(name)}<input type="text" name="{escape(name)}" value="{shown}"></label>'


def tick_box(name: str, value: Any) -> str:
    checked = " checked" if value else ""
    return (
        f'<label class="tick"><input type="checkbox" name="{escape(name)}" value="true"{checked}>{escape(name)}</label>'
    )


def select(name: str, value: Any, options: Iterable[tuple[str, str]]) -> str:
    chosen = "" if value is None else str(value)
    items = "".join(
        f'<option value="{escape(key)}"{" selected" if key == chosen else ""}>{escape(text)}</option>'
        for key, text in options
    )
    return f'<label>{escape(name)}<select name="{escape(name)}">{items}</select></label>'


def hidden(**values: Any) -> str:
    return "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(str(v))}">' for k, v in values.items())


def search_bar(query: str, found: int, extra: str, **keep: Any) -> str:
    more = f", first {SHOWN} shown" if found > SHOWN else ""
    return (
        f'<form class="bar" method="get">{hidden(**keep)}'
        f'<input type="search" name="q" value="{escape(query)}" placeholder="Search" aria-label="Search">'
        f'<button class="plain">Search</button><span class="soft">{found} records{more}</span>{extra}</form>'
    )


def edit_form(fields: str, *, deletable: bool, **keep: Any) -> str:
    delete = ' <button class="danger" name="act" value="delete">Delete</button>' if deletable else ""
    return (
        f'<form method="post">{hidden(**keep)}<div class="fields">{fields}</div>'
        f'<p><button name="act" value="save">Save</button>{delete}</p></form>'
    )


def act_buttons(acts: Iterable[tuple[str, str]], **keep: Any) -> str:
    """A small form with one button per (act, text)."""
    buttons = " ".join(f'<button class="plain" name="act" value="{escape(a)}">{escape(t)}</button>' for a, t in acts)
    return f'<form method="post">{hidden(**keep)}{buttons}</form>'


def chip(text: str, css: str = "") -> str:
    return f'<span class="chip {css}">{escape(text)}</span>'


def calls_section(entries: list[Entry]) -> str:
    rows = [(_call_css(entry), _call_cells(entry)) for entry in reversed(entries[-25:])]
    heads = ("#", "Time (UTC)", "Call", "User", "Status", "Effect")
    empty = '<p class="soft">No calls received yet.</p>' if not rows else ""
    return f"<section><h2>Last calls received</h2>{empty or table(heads, rows)}</section>"


def _call_css(entry: Entry) -> str:
    return "off" if entry.status == 200 and not entry.effects else ""


def _call_cells(entry: Entry) -> list[str]:
    target = entry.path + (f"?{entry.query}" if entry.query else "")
    good = entry.status is not None and entry.status < 400
    status = f'<span class="chip {"good" if good else "bad"}">{entry.status or "no reply"}</span>'
    if entry.fault:
        status += f' <span class="chip bad">{escape(entry.fault)}</span>'
    effects = ", ".join(f"{each.action} {each.resource} {each.id}" for each in entry.effects[:5])
    return [
        str(entry.seq),
        escape(entry.at[11:19]),
        f"<code>{escape(entry.method)} {escape(target[:160])}</code>",
        cell(entry.user),
        status,
        escape(effects),
    ]
