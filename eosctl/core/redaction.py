"""Secrets never leave: what is printed, logged or journalled passes through here first."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASK = "******"
_NUMBERS = frozenset({int, float, bool})
_SECRET_KEY = re.compile(
    r"pass(word|phrase|wd)?$|secret|token(?!izer)|jaas|private.?key|ssl\.key\.pem|credential", re.I
)
_DSN_PASSWORD = re.compile(r"(?P<head>://[^:/@\s]*:)(?P<secret>[^@\s]+)(?P<tail>@)")
_KEYWORD_PASSWORD = re.compile(
    r"(?P<head>\b[\w.]*(?:password|passwd|secret)\s*=\s*)(?P<secret>(?!['\"]?\$\{)(?:'[^']*'|\"[^\"]*\"|[^\s;&]+))",
    re.I,
)


@lru_cache(maxsize=4_096)
def is_secret_key(key: str) -> bool:
    """Whether a configuration key's value is a secret (`sasl.password`, `ssl.key.password`, `sasl.jaas.config`)."""
    return bool(_SECRET_KEY.search(key))


def redact_text(text: str) -> str:
    """`text` with passwords in URLs and `password=...` pairs masked."""
    if "=" not in text and "://" not in text:
        return text
    masked = _DSN_PASSWORD.sub(rf"\g<head>{MASK}\g<tail>", text)
    return _KEYWORD_PASSWORD.sub(rf"\g<head>{MASK}", masked)


def redact(value: Any, key: str = "") -> Any:
    """A copy of plain data (mappings, lists, scalars) with every secret masked."""
    if type(value) is str:
        return MASK if value and key and is_secret_key(key) else redact_text(value)
    if type(value) is dict or isinstance(value, Mapping):
        return {
            name: inner
            if inner is None or (type(inner) in _NUMBERS and not is_secret_key(str(name)))
            else redact(inner, str(name))
            for name, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [redact(inner, key) for inner in value]
    if key and is_secret_key(key) and value not in (None, ""):
        return MASK
    return redact_text(value) if isinstance(value, str) else value
