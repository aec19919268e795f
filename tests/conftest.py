"""What holds for all tests."""

from __future__ import annotations

import signal

# Run in the background of a shell without job control, Ctrl-C is ignored, and the programs that tests start inherit
# that: those that are to be stopped by it would never end.
signal.signal(signal.SIGINT, signal.default_int_handler)
