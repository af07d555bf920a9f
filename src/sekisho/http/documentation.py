"""``/docs``: the operations of the OpenAPI document as one page, without scripts and without other hosts.

The viewers that frameworks bring load scripts from elsewhere; a gateway for personal data does not.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from typing import Any, Final

import orjson
from starlette.responses import HTMLResponse

_STYLE: Final = """
body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}
body{color:#1c2430;background:#fff}
h1{font-size:1.6rem}h2{margin-top:2.5rem;border-bottom:1px solid #c9d1dc}
article{margin:1rem 0;padding:.75rem 1rem;border:1px solid #c9d1dc;border-radius:.5rem}
h3{margin:0;font:600 1rem/1.6 ui-monospace,monospace}
b{display:inline-block;min-width:3.5rem;color:#0b5d4a}
pre{overflow:auto;background:#f3f6f9;padding:.75rem;font-size:.85rem}
summary{cursor:pointer}p{margin:.25rem 0}
""".strip()
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode("ascii")
_CSP: Final = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'"
_METHODS: Final = ("get", "post", "put", "patch", "delete")


def documentation_page(openapi: Mapping[str, Any]) -> HTMLResponse:
    """Return the page for an OpenAPI document."""
    sections: dict[str, list[str]] = {}
    for path, methods in openapi["paths"].items():
        for method in _METHODS:
            if operation := methods.get(method):
                tag = (operation.get("tags") or ["other"])[0]
                sections.setdefault(tag, []).append(_operation(method, path, operation))
    title = escape(str(openapi["info"]["title"]))
    version = escape(str(openapi["info"]["version"]))
    content = "".join(f"<h2>{escape(tag)}</h2>{''.join(items)}" for tag, items in sections.items())
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{title} {version}</h1>"
        f"<p>{escape(str(openapi['info'].get('description', '')))}</p>"
        '<p>Machine-readable: <a href="/openapi.json">/openapi.json</a> '
        '(<span lang="ja">機械可読な定義</span>)</p>'
        f"{content}</body></html>"
    )
    return HTMLResponse(page, headers={"content-security-policy": _CSP})


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    summary = escape(str(operation.get("summary", "")))
    description = escape(str(operation.get("description", ""))).replace("`", "")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    shown = ""
    if body is not None:
        text = escape(orjson.dumps(_brief(body), option=orjson.OPT_INDENT_2).decode())
        shown = f"<details><summary>Body</summary><pre>{text}</pre></details>"
    return (
        f"<article><h3><b>{method.upper()}</b> {escape(path)}</h3>"
        f"<p><strong>{summary}</strong></p><p>{description}</p>{shown}</article>"
    )


def _brief(schema: Mapping[str, Any]) -> Any:
    """Return a schema as an example-like outline: member to type, optional ones with ``?``."""
    if "anyOf" in schema:
        kinds = [_brief(option) for option in schema["anyOf"] if option.get("type") != "null"]
        if len(kinds) == 1:
            return kinds[0]
        return " | ".join(str(kind) for kind in kinds)
    if schema.get("type") == "object" and "properties" in schema:
        required = set(schema.get("required", ()))
        return {name if name in required else f"{name}?": _brief(part) for name, part in schema["properties"].items()}
    if schema.get("type") == "object":
        return {"…": _brief(schema.get("additionalProperties", {}))}
    if schema.get("type") == "array":
        return [_brief(schema.get("items", {}))]
    return str(schema.get("format") or schema.get("type", "any"))
