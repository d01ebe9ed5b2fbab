"""The page as one document: markup, style, script and words, and the policy that lets nothing else in."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

MARKUP, STYLE, SCRIPT, WORDS = "page.html", "page.css", "page.js", "words.json"
_PLACES = {"/*STYLE*/": STYLE, "/*SCRIPT*/": SCRIPT, "/*WORDS*/": WORDS}


@dataclass(frozen=True)
class Document:
    """What is sent to a browser."""

    html: str
    headers: Mapping[str, str]


@cache
def document() -> Document:
    """The page. Its policy knows its own style and script by their hashes, and lets it talk to where it came from alone."""
    html, parts = _read(MARKUP), {}
    for place, name in _PLACES.items():
        # Words are data in a script element: what would end it is written another way, which JSON reads the same.
        parts[name] = (
            json.dumps(json.loads(_read(name)), ensure_ascii=False).replace("<", "\\u003c") if name == WORDS else _read(name)
        )
        html = html.replace(place, parts[name])
    policy = {
        "default-src": "'none'",
        "style-src": _hash(parts[STYLE]),
        "script-src": _hash(parts[SCRIPT]),
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    headers = {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Cache-Control": "max-age=300",
    }
    return Document(html, headers)


def _read(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
