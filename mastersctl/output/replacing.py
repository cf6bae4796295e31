"""A file that is replaced at once, without a way for other users to lead root elsewhere."""

import hashlib
import os
import stat
from contextlib import suppress

from mastersctl.errors import MastersctlError

_MAX_LINKS = 40  # as of Linux
_MAX_ATTEMPTS = 10
_OPEN_FILES = "/proc/"  # below which are files that a process has open
_DESCRIPTORS = f"{_OPEN_FILES}self/fd"
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)


def replace(path: str, text: str) -> None:
    """Put the text, in UTF-8, in the place of a file, or of what a link leads to.

    Nobody sees half of it. The file keeps its mode, and its owner where this is root; a new one can
    be read by all. No name is trusted twice: the directory is opened, link by link, and whatever
    is done to the new file is done to its descriptor. Root follows no link in a directory that
    others may write to, who could let it lead to any file. What was written is no file before its
    last moment, where the file system can do that (O_TMPFILE): a process that is killed leaves
    none behind, or one that the next removes.

    Raises:
        MastersctlError: it is no file; it cannot be written; or a link is not to be followed.
    """
    try:
        directory, name = _opened_parent(path)
        try:
            _replace(directory, name, text.encode(), path)
        finally:
            os.close(directory)
    except OSError as error:
        raise MastersctlError(
            f"The file {os.path.realpath(path)!r} cannot be written ({error.strerror}); check its "
            "directory."
        ) from error


def _opened_parent(path: str) -> tuple[int, str]:
    """Return a descriptor of the directory that holds the file, and the name of the file there."""
    if os.path.basename(path) in ("", ".", "..") or path.startswith(_OPEN_FILES):
        raise _is_no_file(path)
    directory = os.open("/" if os.path.isabs(path) else ".", _DIRECTORY)
    parts = _parts(path)
    links = 0
    try:
        while parts:
            part = parts.pop()
            if _is_link(directory, part):
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(0, "too many links")
                _check_link(directory, path)
                target = os.readlink(part, dir_fd=directory)
                if target.startswith(_OPEN_FILES):  # as /dev/stdout does
                    raise _is_no_file(path)
                parts += _parts(target)
                if os.path.isabs(target):
                    directory = _moved(directory, "/")
            elif parts:
                directory = _moved(directory, part)
            else:
                return directory, part
        raise _is_no_file(path)
    except BaseException:
        os.close(directory)
        raise


def _parts(path: str) -> list[str]:
    """Return the parts of a path, the first one last."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _is_link(directory: int, name: str) -> bool:
    with suppress(FileNotFoundError):
        return stat.S_ISLNK(os.lstat(name, dir_fd=directory).st_mode)
    return False


def _check_link(directory: int, path: str) -> None:
    """Raise MastersctlError for a link that root had better not follow."""
    status = os.fstat(directory)
    if os.geteuid() == 0 and (status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        raise MastersctlError(
            f"The path {path!r} leads through a link in a directory that users other than root "
            "can write to, and root does not follow it; name the file itself."
        )


def _moved(directory: int, name: str) -> int:
    """Open what is called `name` in the directory, close that, and return the new descriptor."""
    found = os.open(name, _DIRECTORY, dir_fd=directory)
    os.close(directory)
    return found


def _replace(directory: int, name: str, content: bytes, path: str) -> None:
    old = None
    with suppress(FileNotFoundError):
        old = os.lstat(name, dir_fd=directory)
    if old and not stat.S_ISREG(old.st_mode):
        raise _is_no_file(path)
    # Begins as all others for this file, so that one run removes what another left.
    prefix = f".mastersctl-{hashlib.sha1(os.fsencode(name), usedforsecurity=False).hexdigest()}-"
    _remove_left(directory, prefix)
    for _ in range(_MAX_ATTEMPTS):
        with suppress(FileNotFoundError):  # another run took it for left
            _write(directory, name, f"{prefix}{os.urandom(8).hex()}", content, old)
            return
    raise OSError(0, "other processes write it")


def _remove_left(directory: int, prefix: str) -> None:
    """Remove what runs that were killed have left in the directory, where it can be listed."""
    with suppress(OSError):
        listed = os.open(".", os.O_RDONLY, dir_fd=directory)
        try:
            for name in os.listdir(listed):
                if name.startswith(prefix):
                    os.unlink(name, dir_fd=directory)
        finally:
            os.close(listed)


def _write(
    directory: int, name: str, temporary: str, content: bytes, old: os.stat_result | None
) -> None:
    """Write a file, and put it in the place of the one called `name` as soon as it is whole.

    No call of the system puts a file without a name there: it is `temporary` for a moment.
    """
    file = nameless = _nameless(directory)
    if file is None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        file = os.open(temporary, flags, 0o600, dir_fd=directory)
    try:
        _fill(file, content, old)
        if nameless is not None:
            os.link(f"{_DESCRIPTORS}/{file}", temporary, dst_dir_fd=directory)
        os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise
    finally:
        os.close(file)


def _nameless(directory: int) -> int | None:
    """Return a new file in the directory that has no name yet; None where there are none such."""
    if not (hasattr(os, "O_TMPFILE") and os.path.exists(_DESCRIPTORS)):
        return None
    with suppress(OSError):  # not every file system has them; whatever else it is comes again
        return os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o600, dir_fd=directory)
    return None


def _fill(file: int, content: bytes, old: os.stat_result | None) -> None:
    """Write the file, and give it the mode and the owner of the old one, or let all read it."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
    if old and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):  # only root may, and only root needs to
            os.fchown(file, old.st_uid, old.st_gid)
    os.fchmod(file, old.st_mode & 0o777 if old else 0o644)
    os.fsync(file)


def _is_no_file(path: str) -> MastersctlError:
    return MastersctlError(
        f"The path {os.path.realpath(path)!r} is not that of a file; redirect the output to it."
    )
