"""Every operation has goldens in every format: a new command without them fails here."""

import pytest
from fixtures.golden import goldens_of

from eosctl.operations import registry

FORMATS = {"txt", "wide.txt", "json", "yaml", "csv", "md"}


@pytest.mark.parametrize("name", registry.names())
def test_an_operation_has_goldens_in_every_format(name: str) -> None:
    assert FORMATS - goldens_of(name) == set()
