"""A widget as one HTML file that works from disk, without a kernel, a server or a network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping
from typing import Any

# The modules are data until this script makes modules of them: an inline module can't be imported by name, and a page
# from disk may not import files. It is the one script the page's own policy lets run.
_SCRIPT = """
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const load = async (source) => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try { return await import(url); } finally { URL.revokeObjectURL(url); }
};
const here = document.getElementById("widget");
try {
  const { host, widget } = read("modules");
  const [{ mount }, module] = await Promise.all([load(host), load(widget)]);
  await mount(module.default, read("state"), here);
  document.body.dataset.ready = "true";
} catch (error) {
  console.error(error);
  here.innerHTML = document.querySelector("noscript").textContent;
  const note = document.createElement("p");
  note.textContent = `The interactive view could not start in this browser (${error}).`;
  here.append(note);
}
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="{generator}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 20px; background: #ffffff; color: #1f2328; font: 13px/1.5 system-ui, sans-serif; }}
#widget {{ max-width: 1120px; margin: 0 auto; }}
footer {{ max-width: 1120px; margin: 8px auto 0; color: #646d77; font-size: 12px; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #111418; color: #e6e9ee; }} footer {{ color: #98a2ae; }} }}
</style>
<style>
{css}
</style>
</head>
<body>
<div id="widget"></div>
<noscript>{preview}</noscript>
<footer>{note}</footer>
<script type="application/json" id="state">{state}</script>
<script type="application/json" id="modules">{modules}</script>
<script type="module">{script}</script>
</body>
</html>
"""


def to_page(
    *,
    title: str,
    widget: str,
    css: str,
    host: str,
    state: Mapping[str, Any],
    preview: str = "",
    note: str = "",
    generator: str = "ecco_widgets",
) -> str:
    """The page.

    Args:
        title: Title of the page, any text.
        widget: Source of the widget's module.
        css: Its style sheet.
        host: Source of the module that mounts a widget without Jupyter (``static/standalone.js``).
        state: Values of its traits; bytes anywhere inside become base64 buffers.
        preview: HTML (trusted, as ``to_preview`` makes it) for browsers without scripts.
        note: A line of text below the widget.
        generator: What made the page.

    Returns:
        The HTML document.
    """
    script = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{script}' blob:; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return _PAGE.format(
        policy=policy,
        generator=html.escape(generator),
        title=html.escape(title),
        css=css.replace("</", "<\\/"),
        preview=preview,
        note=html.escape(note),
        state=json_in_html(saved_state(state)),
        modules=json_in_html({"host": host, "widget": widget}),
        script=_SCRIPT,
    )


def json_in_html(value: Any) -> str:
    r"""JSON that can stand inside a script element: no text in it can end the element or begin a comment.

    Example:
        >>> json_in_html("</script><!-- \u2028")
        '"\\u003c/script\\u003e\\u003c!-- \\u2028"'
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))  # ASCII: U+2028 and others are escaped
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def saved_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """State as ipywidgets saves it: JSON, and its buffers apart with the paths they belong to."""
    buffers: list[dict[str, Any]] = []
    return {"state": _without_bytes(state, [], buffers), "buffers": buffers}


def _without_bytes(value: Any, path: list[str | int], buffers: list[dict[str, Any]]) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        buffers.append({"path": path, "data": base64.b64encode(value).decode(), "encoding": "base64"})
        return None
    if isinstance(value, Mapping):
        return {key: _without_bytes(item, [*path, key], buffers) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_bytes(item, [*path, i], buffers) for i, item in enumerate(value)]
    return value
