"""Opening a file that a person named: a regular file, or a refusal at once.

A pipe, a socket or a device would keep whoever opens or reads it waiting for as long as nobody
writes, and a thread that waits there keeps its process from ending.
"""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from fieldwise.errors import Fault, FieldwiseError


def open_regular(path: Path, fault: Fault) -> BinaryIO:
    """Open a file to read its bytes.

    Args:
        path: Where it is; a link to a file will do.
        fault: What it is to the caller that it cannot be read.

    Raises:
        FieldwiseError: ``fault`` when it is not there, not readable or no regular file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FieldwiseError(fault, f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a NUL, or a character that no name of a file can have
        raise FieldwiseError(fault, f"{str(path)!a} is no name of a file") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FieldwiseError(fault, f"{path} cannot be read: it is no regular file")
    return os.fdopen(descriptor, "rb")
