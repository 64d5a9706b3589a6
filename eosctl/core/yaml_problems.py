"""What is wrong with a text that should be YAML, in one sentence with its line. No parser is imported for it."""

from typing import Any


def yaml_problem(error: Any) -> str:
    """The parser's complaint: `line 2, column 1: did not find the expected node content`; for bytes, what they are."""
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"line {mark.line + 1}, column {mark.column + 1}: {what}" if mark is not None else what
