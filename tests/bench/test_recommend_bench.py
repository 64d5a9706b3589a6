"""`recommend --answer ...` beside the import of the libraries that it cannot do without, in turns."""

import sys
from pathlib import Path

from fixtures.measuring import in_turns

EOSCTL = str(Path(sys.executable).with_name("eosctl"))
ANSWERS = ("writes_to_kafka=no", "writes_to_database=yes", "offsets_in_same_transaction=no")


def test_an_answer_takes_less_than_two_and_a_half_times_its_libraries(home: None) -> None:
    print("\nA recommendation:")
    ours = (EOSCTL, "recommend", *(word for one in ANSWERS for word in ("--answer", one)))
    bare = (sys.executable, "-c", "import typer, rich, yaml, pydantic")
    found = in_turns({"eosctl recommend --answer ...": ours, " ".join(bare[1:]): bare}, rounds=15)
    answer, libraries = found.values()
    times = answer.times(libraries)
    print(f"  {times:.2f} times as long")
    assert times < 2.5
