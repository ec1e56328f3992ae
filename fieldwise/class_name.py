"""What a class may be called: one rule for whoever teaches, packs or reads.

Names are what people see, in every language: any printable characters, blanks inside included. They
are compared as they are, so two spellings that look alike but are coded differently would be two
classes; only the composed form (NFC) is accepted, which keyboards give.
"""

import unicodedata

from fieldwise.errors import Fault, FieldwiseError

CHARACTERS_MAX = 128


def check_class_name(name: str) -> str:
    """Return the name of a class as given.

    Raises:
        FieldwiseError: ``CLASS_INVALID`` unless it has 1 to 128 printable characters in composed
            form, without leading or trailing blanks.
    """
    if not 1 <= len(name) <= CHARACTERS_MAX:
        raise _invalid(f"a class name has {len(name):,} characters")
    shown = ascii(name)
    if not name.isprintable():
        raise _invalid(f"class name {shown} has characters that cannot be printed")
    if name != name.strip():
        raise _invalid(f"class name {shown} begins or ends with a blank")
    if not unicodedata.is_normalized("NFC", name):
        raise _invalid(f"class name {shown} is not in composed form (NFC)")
    return name


def _invalid(sentence: str) -> FieldwiseError:
    return FieldwiseError(Fault.CLASS_INVALID, sentence)
