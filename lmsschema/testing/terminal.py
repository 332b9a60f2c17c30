"""What pytest's terminal is told while something takes long."""

import contextlib
import sys
from typing import Any


def say(config: Any, what: str) -> None:  # noqa: ANN401  pytest's; only the plugin imports it
    """Print a line, whatever is captured; of a worker of pytest-xdist only stderr is seen."""
    capture = config.pluginmanager.get_plugin("capturemanager")
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        if terminal is not None and not hasattr(config, "workerinput"):
            terminal.ensure_newline()
            terminal.write_line(f"lmsschema: {what}")
        else:
            sys.stderr.write(f"lmsschema: {what}\n")
            sys.stderr.flush()
