"""The command line: ``ecco-widgets demo`` serves the demo notebook.

It imports neither torch nor Jupyter itself; the kernel behind the page does.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path

from ecco_widgets._version import __version__
from ecco_widgets.errors import EccoError

INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="ecco-widgets", description="Live, bidirectional explorables for transformer language models."
    )
    top.add_argument("--version", action="version", version=f"ecco-widgets {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser(
        "demo",
        help="serve the demo: a dashboard that explains a language model's tokens",
        description="Serve the demo notebook as a dashboard (Voila), with the model that ships with the package.",
    )
    demo.add_argument("--lab", action="store_true", help="open the notebook in JupyterLab instead")
    demo.add_argument("--port", type=_port, metavar="N", help="port on this machine (default: a free one)")
    demo.add_argument("--no-browser", action="store_true", help="only print the address (also: NO_BROWSER=1)")
    demo.add_argument("--model", metavar="ID_OR_PATH", help="a model from the Hugging Face hub, or a local folder")
    demo.add_argument("--text", help="the text to begin with")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: Arguments without the program's name; those of the process by default.

    Returns:
        Exit status: 0 if all went well, 1 after an error (which is printed), 130 if interrupted.
    """
    args = parser().parse_args(argv)
    try:
        _demo(args)
    except EccoError as error:
        print(f"[ecco_widgets] {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
        return INTERRUPTED
    return 0


def _demo(args: argparse.Namespace) -> None:
    from ecco_widgets._demo import DemoServer, check_model

    signal.signal(signal.SIGTERM, _as_interrupt)
    environment = {}
    if args.model:
        check_model(args.model)
        folder = Path(args.model).expanduser()
        environment["ECCO_MODEL"] = str(folder.resolve()) if folder.is_dir() else args.model
    if args.text is not None:
        environment["ECCO_TEXT"] = args.text
    with DemoServer("jupyterlab" if args.lab else "voila", port=args.port, environment=environment) as server:
        print(f"Open {server.url}\nCtrl-C stops it.", flush=True)
        if not args.no_browser and os.environ.get("NO_BROWSER", "") in {"", "0"}:
            webbrowser.open(server.url)
        server.wait()


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected a port number 1..65535, got {text!r}")


def _as_interrupt(*_: object) -> None:
    """Make a request to end the process clean up as Ctrl-C does."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
