"""What all tests start from."""

from __future__ import annotations

import signal

# A shell's background jobs ignore SIGINT, and so does what they start: without this, a test run in
# the background could not interrupt the programs that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
