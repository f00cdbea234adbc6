"""Drops root's power to ignore file permissions."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

NOBODY = 65534
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
"""From linux/capability.h, like the two structures below."""
VERSION_3 = 0x20080522


class Header(ctypes.Structure):
    """`pid` 0 is the calling thread."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class Capabilities(ctypes.Structure):
    """32 bits; the kernel takes two of these."""

    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextlib.contextmanager
def bound_by_file_modes() -> Iterator[None]:
    """Apply file permissions to this thread and its children, even for root.

    Another user would do too, but can't enter a clone in root's home.
    """
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":  # only Linux has these capabilities
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)
        return
    sets = (Capabilities * 2)()
    _call("capget", sets)
    before = sets[0].effective
    sets[0].effective = before & ~(1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)
    _call("capset", sets)
    try:
        yield
    finally:
        sets[0].effective = before
        _call("capset", sets)


def _call(name: str, sets: ctypes.Array[Capabilities]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc[name](ctypes.byref(Header(VERSION_3, 0)), sets) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
