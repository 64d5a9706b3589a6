"""Offsets kept in files and brought back: parity with Kafka's own tool, snapshots, and nothing from a bad file."""

import csv
import io
import json
from pathlib import Path

from fixtures.offsets import Offsets

from eosctl.lab import kafka

TOOL = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"


def exported(offsets: Offsets, *words: str) -> list[list[str]]:
    """What Kafka's tool would set, as it exports it."""
    said = kafka.run_tool(offsets.lab, TOOL, "--bootstrap-server", offsets.lab.bootstrap_servers, "--reset-offsets",
                          "--dry-run", "--export", *words)  # fmt: skip
    return [row for row in csv.reader(io.StringIO(said)) if offsets.topic in row]


def test_kafkas_tool_and_ours_read_each_others_files(offsets: Offsets, tmp_path: Path) -> None:
    other = f"{offsets.group}-b"
    offsets.commit({0: 3, 1: 99}, other)
    both = offsets.eosctl("offsets", "export", offsets.group, other)
    assert [(one["group"], one["partition"], one["offset"]) for one in both.data] == [
        (offsets.group, 0, 4), (offsets.group, 1, 6), (other, 0, 3), (other, 1, 99)]  # fmt: skip
    file = tmp_path / "several.csv"
    file.write_text("".join(f"{one['group']},{one['topic']},{one['partition']},{one['offset']}\n" for one in both.data))
    theirs = exported(offsets, "--group", offsets.group, "--group", other, "--from-file", str(file))
    assert sorted(theirs) == [[offsets.group, offsets.topic, "0", "4"], [offsets.group, offsets.topic, "1", "6"],
                              [other, offsets.topic, "0", "3"], [other, offsets.topic, "1", "10"]]  # fmt: skip
    back = tmp_path / "back.csv"
    back.write_text("\n".join(",".join(row) for row in theirs))
    offsets.commit({0: 0, 1: 0})
    assert offsets.eosctl("offsets", "import", str(back), "--yes").code == 0
    assert (offsets.in_kafka(), offsets.in_kafka(other)) == ({0: 4, 1: 6}, {0: 3, 1: 10})


def test_a_file_of_one_group_moves_as_kafkas_tool_moves(offsets: Offsets, tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    file.write_text(f"{offsets.topic},0,2\n{offsets.topic},1,99\n")
    theirs = exported(offsets, "--group", offsets.group, "--from-file", str(file))
    moved = offsets.eosctl("offsets", "reset", offsets.group, "--to-file", str(file), "--yes")
    assert (moved.code, "clamped" in moved.warnings) == (0, True)
    assert offsets.in_kafka() == {int(row[-2]): int(row[-1]) for row in theirs} == {0: 2, 1: 10}


def test_of_a_bad_file_nothing_is_applied(offsets: Offsets, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(f"{offsets.topic},0,2\n{offsets.topic},0,3\n")
    for words in (("import", str(file), "--group", offsets.group), ("reset", offsets.group, "--to-file", str(file))):
        answer = offsets.eosctl("offsets", *words, "--yes")
        assert (answer.code, answer.errors) == (2, ("bad_offsets_file",))
    file.write_text(f"{offsets.group},{offsets.topic},0,2\nnobody-knows-it,{offsets.topic},0,2\n")
    assert offsets.eosctl("offsets", "import", str(file), "--yes").errors == ("unknown_group",)
    assert offsets.eosctl("offsets", "reset", "x", "--to-file", str(file), "--yes").errors == ("group_not_in_file",)
    assert offsets.eosctl("offsets", "import", str(tmp_path / "none"), "--yes").errors == ("file_not_read",)
    assert offsets.in_kafka() == {0: 4, 1: 6}


def test_a_snapshot_brings_both_stores_back_each_to_its_own(offsets: Offsets, tmp_path: Path) -> None:
    offsets.sql("UPDATE consumer_offsets SET committed_offset = 5 WHERE partition = 1")
    kept = offsets.eosctl("offsets", "snapshot", f"{offsets.group[:-1]}?", "--store", "both")
    assert (kept.code, kept.data["groups"], kept.data["offsets"]) == (0, 1, 4)
    assert offsets.eosctl("offsets", "seek", offsets.group, f"{offsets.topic}:0=9", f"{offsets.topic}:1=9", "--store",
                          "both", "--yes").code == 0  # fmt: skip
    words = ("offsets", "reset", offsets.group, "--store", "both", "--yes", "--to-snapshot")
    assert offsets.eosctl(*words, kept.data["id"]).code == 0
    assert (offsets.in_kafka(), offsets.in_table()) == ({0: 4, 1: 6}, {0: 4, 1: 5})
    named = tmp_path / "s.json"
    assert offsets.eosctl("offsets", "snapshot", offsets.group, "--file", str(named)).code == 0
    assert offsets.eosctl("offsets", "snapshot", offsets.group, "--file", str(named)).errors == ("file_exists",)
    assert offsets.eosctl(*words, "19990101T000000000").errors == ("file_not_read",)
    foreign = json.loads(named.read_text()) | {"target": {"kafka_cluster_id": "elsewhere"}}
    named.write_text(json.dumps(foreign))
    assert "other_cluster" in offsets.eosctl(*words[:3], "--to-snapshot", str(named), "--dry-run").warnings


def test_an_import_keeps_what_it_skips_a_file_a_group(offsets: Offsets, tmp_path: Path) -> None:
    other = f"{offsets.group}/b"
    offsets.commit({0: 8, 1: 9}, other)
    file = tmp_path / "ahead.csv"
    file.write_text(f"{offsets.group},{offsets.topic},0,7\n{other},{offsets.topic},1,10\n")
    moved = offsets.eosctl("offsets", "import", str(file), "--save-skipped", str(tmp_path / "kept.jsonl"), "--yes")
    assert (moved.code, offsets.in_kafka(), offsets.in_kafka(other)) == (0, {0: 7, 1: 6}, {0: 8, 1: 10})
    kept = {
        path.name: [json.loads(line)["offset"] for line in path.read_text().splitlines()[1:]]
        for path in tmp_path.glob("kept*.jsonl")
    }
    assert kept == {f"kept-{offsets.group}.jsonl": [4, 5, 6], f"kept-{offsets.group}%2Fb.jsonl": [9]}
