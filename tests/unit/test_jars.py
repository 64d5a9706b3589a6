"""Jars that are there are not resolved anew: that would take them away from servers that run on them."""

from pathlib import Path

import pytest

from eosctl.lab import jars


@pytest.mark.parametrize("part", ["jars", "modules"])
def test_jars_that_are_kept_are_used_as_they_are(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jgo

    def build(*_: object, **__: object) -> None:
        raise AssertionError("the folder would be made anew")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jgo, "build", build)
    folder = tmp_path / "made"
    (folder / part).mkdir(parents=True)
    (folder / part / "one.jar").touch()
    jars.jars_folder().mkdir(parents=True)
    (jars.jars_folder() / f"org-example-{part}-1.path").write_text(str(folder), encoding="utf-8")
    assert f"{folder}/{part}/*" in jars.resolved(f"org.example:{part}:1")


def test_what_is_kept_need_not_be_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert not jars.are_here(connect=False)
    folder = tmp_path / "kept"
    (folder / "jars").mkdir(parents=True)
    (folder / "jars" / "kafka.jar").touch()
    jars.jars_folder().mkdir(parents=True)
    jars._remembered(jars.COORDINATES).write_text(str(folder), encoding="utf-8")
    assert (jars.are_here(connect=False), jars.are_here(connect=True)) == (True, False)


def test_jars_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jgo

    calls: list[str] = []

    class Made:
        path = tmp_path / "made"

    def build(coordinates: str, **_: object) -> type[Made]:
        calls.append(coordinates)
        (Made.path / "modules").mkdir(parents=True)
        (Made.path / "modules" / "one.jar").touch()
        return Made

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(jgo, "build", build)
    for _ in range(2):
        jars.resolved.cache_clear()
        jars.resolved("org.example:twice:1")
    assert calls == ["org.example:twice:1"]
