"""Replaces a file atomically; other users cannot make root write to another file."""

import hashlib
import os
import stat
from contextlib import suppress

from mastersctl.errors import MastersctlError

_MAX_LINKS = 40  # as in Linux
_MAX_ATTEMPTS = 10
_OPEN_FILES = "/proc/"  # holds the open files of processes
_DESCRIPTORS = f"{_OPEN_FILES}self/fd"
_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)


def replace(path: str, text: str) -> None:
    """Replace a file, or the target of a link, by the text in UTF-8.

    - No reader sees half of the text.
    - The file keeps its mode and, for root, its owner. All users can read a new file.
    - No path is resolved twice. The directory is opened link by link, and all changes to the new
      file go through its descriptor.
    - Root follows no link in a directory that others can write to: they could point it anywhere.
    - The new file has no name until it is complete, if the file system supports that (O_TMPFILE).
      So a killed process leaves no file behind, or one that the next run removes.

    Raises:
        MastersctlError: the path is not that of a file; the file cannot be written; or root does
            not follow a link in the path.
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
    """Return the parts of a path in reverse order."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _is_link(directory: int, name: str) -> bool:
    with suppress(FileNotFoundError):
        return stat.S_ISLNK(os.lstat(name, dir_fd=directory).st_mode)
    return False


def _check_link(directory: int, path: str) -> None:
    """Raise MastersctlError if root must not follow links in this directory."""
    status = os.fstat(directory)
    if os.geteuid() == 0 and (status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        raise MastersctlError(
            f"The path {path!r} leads through a link in a directory that users other than root "
            "can write to, and root does not follow it; name the file itself."
        )


def _moved(directory: int, name: str) -> int:
    """Open the directory `name`, close the one that holds it, and return the new descriptor."""
    found = os.open(name, _DIRECTORY, dir_fd=directory)
    os.close(directory)
    return found


def _replace(directory: int, name: str, content: bytes, path: str) -> None:
    old = None
    with suppress(FileNotFoundError):
        old = os.lstat(name, dir_fd=directory)
    if old and not stat.S_ISREG(old.st_mode):
        raise _is_no_file(path)
    # All runs use the same prefix for this file, so that one removes the leftovers of another.
    prefix = f".mastersctl-{hashlib.sha1(os.fsencode(name), usedforsecurity=False).hexdigest()}-"
    _remove_left(directory, prefix)
    for _ in range(_MAX_ATTEMPTS):
        with suppress(FileNotFoundError):  # another run removed it as a leftover
            _write(directory, name, f"{prefix}{os.urandom(8).hex()}", content, old)
            return
    raise OSError(0, "other processes write it")


def _remove_left(directory: int, prefix: str) -> None:
    """Remove the leftovers of killed runs from the directory, if it can be listed."""
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
    """Write a file, and replace `name` by it when it is complete.

    No system call replaces a file by one without a name, so it is named `temporary` for a moment.
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
    """Return the descriptor of a new file without a name; None if that is not supported."""
    if not (hasattr(os, "O_TMPFILE") and os.path.exists(_DESCRIPTORS)):
        return None
    with suppress(OSError):  # not supported; any other error recurs with the named file
        return os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o600, dir_fd=directory)
    return None


def _fill(file: int, content: bytes, old: os.stat_result | None) -> None:
    """Write the file, with the mode and the owner of the old one; without one, all can read it."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
    if old and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(PermissionError):  # only root can, and only root needs to
            os.fchown(file, old.st_uid, old.st_gid)
    os.fchmod(file, old.st_mode & 0o777 if old else 0o644)
    os.fsync(file)


def _is_no_file(path: str) -> MastersctlError:
    return MastersctlError(
        f"The path {os.path.realpath(path)!r} is not that of a file; redirect the output to it."
    )
