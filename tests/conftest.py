"""What holds for all tests."""

from __future__ import annotations

import signal

# A run in the background of a shell script has Ctrl-C ignored, and its children too: some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
