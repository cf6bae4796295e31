"""The entry point: ``python -m mastersctl``, and the command ``mastersctl``.

The command line is imported inside `main`, so that an interrupt or a damaged installation causes
no traceback.
"""

import sys

from mastersctl import _interrupt

TYPE_CHECKING = False  # importing typing would take as long as everything up to here
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> "NoReturn":
    """Run the command that the arguments of this process name, and exit."""
    _interrupt.end_process()
    try:
        from mastersctl.cli import main as run
    except Exception as error:  # a damaged file can raise anything
        _cannot_start(error)
    run()


def _cannot_start(error: Exception) -> "NoReturn":
    problem = "".join(c if c.isprintable() else " " for c in f"{type(error).__name__}: {error}")
    message = f"mastersctl cannot be imported ({problem}); install it again."
    if {"-v", "--verbose"} & set(sys.argv):
        sys.excepthook(type(error), error, error.__traceback__)
    if "check" in sys.argv:  # there is no parser to find the command
        print(f"MASTERS UNKNOWN - {message.replace('|', '/')}")
        sys.exit(3)
    sys.exit(f"Error: {message}")


if __name__ == "__main__":
    main()
