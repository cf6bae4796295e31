"""The command line: arguments in, text and an exit code out. No other package prints or exits."""

import gc
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn, TextIO

import click

from mastersctl import _interrupt
from mastersctl.cli.context import COMPLETE_VARIABLE, Settings
from mastersctl.cli.group import CHECK, cli
from mastersctl.cli.messages import report, report_error, sanitized
from mastersctl.errors import MastersctlError
from mastersctl.text import visible

_UNKNOWN = 3  # the exit code when check fails
_MIN_HELP_WIDTH, _DEFAULT_HELP_WIDTH, _MAX_HELP_WIDTH = 50, 80, 100  # columns of help
_MAX_TERMINAL_SIZE = 4096  # columns or lines of a terminal


def main() -> NoReturn:
    """Run the command that the arguments of this process name, and exit.

    An interrupt raises KeyboardInterrupt while the command runs; afterwards it ends the process.
    """
    sys.unraisablehook = _lost
    try:
        try:
            _interrupt.raise_error()
            code = run(sys.argv[1:])
            _flush_errors()
        finally:
            _interrupt.end_process()
    except KeyboardInterrupt:  # a second one, while the first was reported
        _interrupt.interrupt()
    except BrokenPipeError:
        # The reader closed the pipe (`mastersctl list | head -1`): end by SIGPIPE, as filters do.
        _interrupt.end_as_filter()
    gc.freeze()  # else garbage collection at exit takes a tenth of the command's time
    sys.exit(code)


def _lost(unraisable: "sys.UnraisableHookArgs") -> None:
    """Handle an error that cannot be raised, as in a destructor; ignore all but interrupts."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        _interrupt.interrupt()


def run(arguments: Sequence[str]) -> int:
    """Run a command, print its result or its error, and return the exit code.

    Raises:
        BrokenPipeError: the reader of the output closed the pipe.
    """
    if sys.stdout is None:  # closed by the caller: fail before anything is changed
        report_error("Standard output is closed; redirect it to /dev/null to discard it.")
        return _failure(MastersctlError.exit_code, arguments)
    _set_encodings()
    _set_size()
    settings = Settings()
    try:
        code = _run(arguments, settings)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
        raise
    except OSError as error:
        _discard(sys.stdout)
        report_error(
            f"The output cannot be written ({error.strerror}); changes already made remain."
        )
        return _failure(MastersctlError.exit_code, arguments)
    return code


def _run(arguments: Sequence[str], settings: Settings) -> int:
    try:
        if os.environ.get(COMPLETE_VARIABLE):
            from mastersctl.cli.shells import answer

            answer(cli, os.environ[COMPLETE_VARIABLE])
            return 0
        # Not cli.main(): it ends the process itself when the reader closes the pipe.
        width = _help_width()
        with cli.make_context(
            "mastersctl", [*arguments], terminal_width=width, obj=settings
        ) as context:
            cli.invoke(context)
        return 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        if isinstance(error, click.UsageError):
            from mastersctl.cli.words import answered  # late: only a mistake needs it

            error = answered(error)
        usage = io.StringIO()
        error.show(file=usage)
        message = error.format_message()
        shown = message if isinstance(error, click.MissingParameter) else visible(message)
        for line in usage.getvalue().replace(message, shown).splitlines():
            report(line.expandtabs(2))  # Click indents with tabs
        return _failure(error.exit_code, arguments)
    except (click.Abort, KeyboardInterrupt):
        report("Aborted.")
        return _failure(MastersctlError.exit_code, arguments)
    except MastersctlError as error:
        report_error(str(error))
        return _failure(error.exit_code, arguments)
    except Exception as error:
        if isinstance(error, OSError) and error.filename is None:  # writing the output failed
            raise
        return _last_resort(error, arguments, settings)


def _last_resort(error: Exception, arguments: Sequence[str], settings: Settings) -> int:
    """Report an unexpected error, and return the exit code."""
    # Click does not read the options after a command that it cannot import.
    if settings.verbose or {"-v", "--verbose"} & {*arguments}:
        from traceback import format_exception  # late: only an unexpected error needs it

        for line in "".join(format_exception(error)).splitlines():
            report(line)
    problem = ": ".join(filter(None, (type(error).__name__, str(error))))
    message = f"The command met an unexpected error ({problem}); report it, with the output of -v."
    code = _failure(MastersctlError.exit_code, arguments)
    if code != _UNKNOWN:
        report_error(message)
        return code
    try:
        from mastersctl.cli.check import asked_format, report_unknown
    except Exception:  # this import is the unexpected error
        click.echo(f"MASTERS UNKNOWN - {sanitized(message)}".replace("|", r"\x7c"))
    else:
        report_unknown(message, asked_format(arguments))
    return code


def _help_width() -> int:
    """Return the width of help: the width of the terminal, within bounds.

    Click would import shutil for this, which takes as long as the import of all commands.
    """
    width = int(os.environ.get("COLUMNS", "0"))
    if not width:
        with suppress(OSError):
            width = os.get_terminal_size().columns
    return max(_MIN_HELP_WIDTH, min(width or _DEFAULT_HELP_WIDTH, _MAX_HELP_WIDTH) - 2)


def _failure(code: int, arguments: Sequence[str]) -> int:
    """Return the exit code of a command that failed with `code`; for check, it is UNKNOWN."""
    return _UNKNOWN if _command(arguments) == CHECK else code


def _command(arguments: Sequence[str]) -> str | None:
    """Return the name of the command, even if the command line has unknown options."""
    context = click.Context(cli, ignore_unknown_options=True, resilient_parsing=True)
    try:
        _, rest, _ = cli.make_parser(context).parse_args([*arguments])
    except click.UsageError:  # the last argument is an option without its value
        return None
    return next((word for word in rest if not word.startswith("-")), None)


def _set_encodings() -> None:
    """Write exact UTF-8 to files and pipes; escape characters that a terminal cannot show."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if stream is sys.stdout and not stream.isatty():
                stream.reconfigure(encoding="utf-8", errors="surrogateescape")
            else:
                stream.reconfigure(errors="backslashreplace")


def _set_size() -> None:
    """Limit a huge terminal size in the environment; remove an invalid one, where Rich fails."""
    for variable in ("COLUMNS", "LINES"):
        size = 0
        with suppress(ValueError):
            size = int(os.environ.get(variable, ""))
        if size > 0:
            os.environ[variable] = str(min(size, _MAX_TERMINAL_SIZE))
        else:
            os.environ.pop(variable, None)


def _flush_errors() -> None:
    """Flush stderr; a failure to write does not change the exit code."""
    if sys.stderr is not None:
        try:
            sys.stderr.flush()
        except OSError:
            _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Discard the buffer of `stream`, which Python would write when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
