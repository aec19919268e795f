"""Runs every check of the repository and closes with one summary.

    python tests/run_all.py                 everything (what `make test` runs)
    python tests/run_all.py lint types      only these steps
    python tests/run_all.py --list          the steps

A step's output goes to ``.cache/tests/<step>.log`` and is shown when the step fails. The exit status is 0 only if all
steps passed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOGS = ROOT / ".cache" / "tests"
COLOUR = "yes" if sys.stdout.isatty() else "no"
TAIL = 150
"""Lines of a failed step that are shown; the whole is in its log."""


@dataclass(frozen=True)
class Step:
    """One check: a command that exits with 0 if it passed."""

    name: str
    title: str
    command: tuple[str, ...]
    report: bool = False
    """Whether the command writes a JUnit report to ``Step.junit`` to count tests from; else the step counts as one."""

    @property
    def junit(self) -> Path:
        """Where the step's JUnit report lies."""
        return LOGS / f"{self.name}.xml"


@dataclass(frozen=True)
class Result:
    """What came out of a step."""

    step: Step
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def verdict(self) -> str:
        """A word for the table."""
        return "FAILED" if self.failed else "ok"


def _python(module: str, *args: str) -> tuple[str, ...]:
    return (sys.executable, "-m", module, *args)


def _pytest(name: str, title: str, *args: str) -> Step:
    report = f"--junitxml={LOGS / name}.xml"
    return Step(
        name, title, _python("pytest", "-q", "-m", "not benchmark", f"--color={COLOUR}", report, *args), report=True
    )


def _npm(name: str, title: str, script: str, *args: str, report: bool = False) -> Step:
    extra = ("--", *args) if args else ()
    return Step(name, title, ("npm", "--prefix", "js", "run", "--silent", script, *extra), report=report)


STEPS = (
    Step("lint", "ruff check", _python("ruff", "check", ".")),
    Step("format", "ruff format", _python("ruff", "format", "--check", ".")),
    Step("types", "mypy", _python("mypy")),
    Step("contracts", "import contracts", ("lint-imports", "--no-logo")),
    Step("generated", "Generated TypeScript types are up to date", _python("ecco_widgets.widgets.codegen", "--check")),
    _npm("js-lint", "TypeScript lint and format", "lint"),
    _npm("js-types", "TypeScript types", "check"),
    _npm("js-size", "Bundle size", "size"),
    _npm(
        "js",
        "TypeScript tests",
        "test",
        "--reporter=default",
        "--reporter=junit",
        f"--outputFile.junit={LOGS / 'js.xml'}",
        report=True,
    ),
    _pytest(
        "unit",
        "Python tests: unit, comm, doctests",
        "-n",
        "2",
        "--doctest-modules",
        "ecco_widgets",
        "tests/unit",
        "tests/comm",
        "tests/reference",
    ),
    _pytest("kernel", "Python tests: real kernels", "tests/kernel"),
    _pytest("browser", "Browser tests: JupyterLab, Notebook, Voila", "tests/browser"),
    _pytest("wheel", "The built wheel, installed elsewhere", "tests/wheel"),
)


def _count(report: Path) -> tuple[int, int, int]:
    """Return passed, failed and skipped tests of a JUnit report."""
    suites = list(ET.parse(report).getroot().iter("testsuite"))
    total, failures, errors, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites) for key in ("tests", "failures", "errors", "skipped")
    )
    return total - failures - errors - skipped, failures + errors, skipped


def run(step: Step, *, verbose: bool) -> Result:
    """Run one step, keep its output, show it if it failed."""
    log = LOGS / f"{step.name}.log"
    step.junit.unlink(missing_ok=True)
    start = time.monotonic()
    with log.open("w+", encoding="utf-8") as out:
        code = subprocess.run(
            step.command, cwd=ROOT, check=False, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        ).returncode
    seconds = time.monotonic() - start

    passed, failed, skipped = (0, 0, 0)
    if step.report and step.junit.exists():
        passed, failed, skipped = _count(step.junit)
    if code and not failed:  # broke before or after its tests
        failed = 1
    elif not step.report:
        passed = 1
    elif not passed and not failed:
        failed = 1
    if failed or verbose:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        print("\n".join(lines if verbose else lines[-TAIL:]))
        print(f"-- exit status {code}; whole output: {log.relative_to(ROOT)}")
    return Result(step, seconds, passed, failed, skipped)


def _duration(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def summary(results: list[Result], total_seconds: float) -> str:
    """Return the table of steps and the closing line."""
    width = max(len(result.step.title) for result in results)
    lines = [f"{'':{width}}  {'time':>6}  {'passed':>6}  {'failed':>6}  {'skipped':>7}"]
    lines += [
        f"{r.step.title:{width}}  {_duration(r.seconds):>6}  {r.passed:>6}  {r.failed:>6}  {r.skipped:>7}  {r.verdict}"
        for r in results
    ]
    passed, failed, skipped = (sum(getattr(r, key) for r in results) for key in ("passed", "failed", "skipped"))
    lines += ["", f"{_duration(total_seconds)} minutes", f"{passed} passed, {failed} failed, {skipped} skipped"]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Run the steps that the command line names, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("steps", nargs="*", metavar="STEP", help="run only these")
    parser.add_argument("--list", action="store_true", help="list the steps")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the output of steps that pass, too")
    args = parser.parse_args(argv)
    if args.list:
        print("\n".join(f"{step.name:10} {step.title}" for step in STEPS))
        return 0
    by_name = {step.name: step for step in STEPS}
    if unknown := [name for name in args.steps if name not in by_name]:
        parser.error(f"unknown step {', '.join(unknown)}; the steps are {', '.join(by_name)}")

    LOGS.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    start, results = time.monotonic(), []
    for step in [by_name[name] for name in args.steps] or STEPS:
        print(f"{step.title} ...", end=" ", flush=True)
        result = run(step, verbose=args.verbose)
        print(f"{result.verdict} ({_duration(result.seconds)})", flush=True)
        results.append(result)
    print("\n" + summary(results, time.monotonic() - start))
    return 1 if any(result.failed for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
