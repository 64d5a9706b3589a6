"""Reports of real work: `--report x.html` of a replay and of a purge, read strictly and in a real Chromium."""

import json
from pathlib import Path

import pytest
from fixtures.dead_letters import DeadLetters, result_of
from fixtures.dedup import Dedup
from fixtures.pages import browser, charts_in, line_points, parsed, shown_in


def _replayed(dead_letters: DeadLetters, page: Path) -> None:
    dead_letters.write(900)
    done = dead_letters.replay("--batch", "100", "--no-scan", "--report", str(page))
    assert done.returncode == 0, done.stdout + done.stderr
    progress = result_of(done)["progress"]
    assert progress[0] == [0, 0]
    assert progress[-1][1] == 900
    assert len(progress) >= 4


def _purged(dedup: Dedup, page: Path) -> int:
    dedup.make_table()
    dedup.fill(3_000, days=100)
    answer = dedup.eosctl("purge", "--older-than", "7d", "--batch-size", "300", "--accept-duplicates",
                          "--report", str(page))  # fmt: skip
    assert answer.code == 0, answer
    deleted: int = answer.data["result"]["deleted"]
    assert answer.data["steps"][0]["after"]["progress"][-1][1] == deleted
    return deleted


def test_a_replay_reports_its_progress_in_one_file(dead_letters: DeadLetters, tmp_path: Path) -> None:
    page = tmp_path / "replay.html"
    _replayed(dead_letters, page)
    tree = parsed(page.read_text(encoding="utf-8"))
    (chart,) = charts_in(tree)
    assert chart.attrib["aria-label"] == "Progress of the replay"
    assert line_points(chart)[0] >= 4
    words = [one.text for one in tree.iter("{http://www.w3.org/1999/xhtml}td")]
    assert words[:2] == ["replayed", "900"]
    assert dead_letters.topic in words


def test_a_purge_reports_its_rate_in_one_file(dedup: Dedup, tmp_path: Path) -> None:
    page = tmp_path / "purge.html"
    deleted = _purged(dedup, page)
    tree = parsed(page.read_text(encoding="utf-8"))
    (chart,) = charts_in(tree)
    assert chart.attrib["aria-label"] == "Rate of the purge"
    assert line_points(chart)[0] >= 4
    words = [one.text for one in tree.iter("{http://www.w3.org/1999/xhtml}td")]
    assert str(deleted) in words
    assert "progress" not in words
    told = tmp_path / "purge.json"
    again = dedup.eosctl("purge", "--older-than", "3d", "--accept-duplicates", "--report", str(told))
    assert json.loads(told.read_text())["deleted"] == again.data["result"]["deleted"]
    refused = dedup.eosctl("purge", "--older-than", "7d", "--report", str(tmp_path / "purge.pdf"))
    assert (refused.code, refused.errors) == (2, ("bad_report",))


@pytest.mark.slow
def test_a_real_browser_draws_the_reports(dead_letters: DeadLetters, dedup: Dedup, tmp_path: Path) -> None:
    replay, purge = tmp_path / "replay.html", tmp_path / "purge.html"
    _replayed(dead_letters, replay)
    _purged(dedup, purge)
    with browser() as opened:
        for page in (replay, purge):
            (box,) = shown_in(opened, page)
            assert box["width"] > 600
            assert box["height"] > 250
