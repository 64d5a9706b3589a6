"""Transaction states as parameters: any case, `ongoing` or `PrepareCommit` or `prepare-commit`."""

from typing import Annotated, Any

from pydantic import BeforeValidator

from eosctl.core.errors import did_you_mean
from eosctl.domain.kafka import TransactionState

_BY_WORD = {one.value.lower(): one for one in TransactionState}


def _state(value: Any) -> Any:
    word = str(value).lower().replace("-", "").replace("_", "")
    if word not in _BY_WORD:
        names = [one.value for one in TransactionState]
        hint = did_you_mean(str(value).capitalize(), names) or f"There are {', '.join(names)}."
        raise ValueError(f"{value!r} is not a transaction state. {hint}")
    return _BY_WORD[word]


State = Annotated[TransactionState, BeforeValidator(_state)]
"""A transaction state in any spelling."""
