"""What `make test` reports is what happened: its exit status and closing line can be relied on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests import run_all
from tests.run_all import Step

JUNIT = '<testsuites><testsuite tests="5" failures="1" errors="1" skipped="1"/></testsuites>'


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(run_all, "ROOT", tmp_path)
    monkeypatch.setattr(run_all, "LOGS", tmp_path / "logs")
    return tmp_path / "logs"


def step(name: str, code: str, *, report: bool = False) -> Step:
    return Step(name, name, (sys.executable, "-c", code), report=report)


def run(monkeypatch: pytest.MonkeyPatch, *steps: Step) -> int:
    monkeypatch.setattr(run_all, "STEPS", steps)
    return run_all.main([])


def closing_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_all_passed(monkeypatch, capsys):
    assert run(monkeypatch, step("a", ""), step("b", "")) == 0
    assert closing_line(capsys) == "2 passed, 0 failed, 0 skipped"


def test_one_failing_step_fails_the_run_and_shows_its_output_and_the_others_still_run(monkeypatch, capsys):
    assert run(monkeypatch, step("a", "print('what was wrong'); raise SystemExit(3)"), step("b", "")) == 1
    printed = capsys.readouterr().out
    assert "what was wrong" in printed
    assert printed.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"


def test_tests_are_counted_from_the_report(monkeypatch, capsys, logs):
    write = f"open({str(logs / 'a.xml')!r}, 'w').write({JUNIT!r}); raise SystemExit(1)"
    assert run(monkeypatch, step("a", write, report=True)) == 1
    assert closing_line(capsys) == "2 passed, 2 failed, 1 skipped"


def test_a_runner_that_breaks_after_its_tests_passed_counts_as_a_failure(monkeypatch, capsys, logs):
    green = JUNIT.replace('failures="1" errors="1"', 'failures="0" errors="0"')
    write = f"open({str(logs / 'a.xml')!r}, 'w').write({green!r}); raise SystemExit(1)"
    assert run(monkeypatch, step("a", write, report=True)) == 1
    assert closing_line(capsys) == "4 passed, 1 failed, 1 skipped"


@pytest.mark.parametrize("code", ["", "raise SystemExit(1)"])
def test_a_runner_without_tests_is_a_failure(code, monkeypatch, capsys):
    assert run(monkeypatch, step("a", code, report=True)) == 1
    assert closing_line(capsys) == "0 passed, 1 failed, 0 skipped"


def test_a_report_of_an_earlier_run_is_not_counted(monkeypatch, capsys, logs):
    logs.mkdir()
    (logs / "a.xml").write_text(JUNIT)
    assert run(monkeypatch, step("a", "raise SystemExit(1)", report=True)) == 1
    assert closing_line(capsys) == "0 passed, 1 failed, 0 skipped"


def test_an_unknown_step_is_refused_with_those_there_are(capsys):
    with pytest.raises(SystemExit):
        run_all.main(["no-such-step"])
    assert "unknown step no-such-step; the steps are lint, format" in capsys.readouterr().err
