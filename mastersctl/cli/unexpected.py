"""The last resort: what is said about an error that nothing has foreseen."""

from mastersctl.cli.messages import report


def sentence(error: Exception, *, verbose: bool) -> str:
    """Return what to say of the error, in one sentence.

    Parameters:
        verbose: print the traceback on the standard error, too.
    """
    if verbose:
        from traceback import format_exception  # late: nobody should ever need it

        for line in "".join(format_exception(error)).splitlines():
            report(line)
    problem = ": ".join(filter(None, (type(error).__name__, str(error))))
    return (
        f"The command met an error that it does not know ({problem}); report it, with what -v says."
    )
