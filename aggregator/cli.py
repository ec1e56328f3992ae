"""The program ``fieldwise-aggregator``: it takes no arguments, and ends with its campaign.

Exit code 0: the campaign is over. Another: the catalogue's of what kept it from going on, 3 where
another aggregator took over.
"""

import os
import sys
from importlib.util import find_spec

from fieldwise.errors import CATALOGUE, Fault, FieldwiseError

INTERRUPTED = 130  # as a shell counts it


def main() -> None:
    """Run the program; without its extra say so in a sentence."""
    if find_spec("flwr") is None:
        print(  # noqa: T201 -- there is no log yet
            "error: the aggregator needs its extra: pip install 'fieldwise[federation]'",
            file=sys.stderr,
        )
        sys.exit(CATALOGUE[Fault.EXTRA_MISSING].exit_code)
    from aggregator import app, config  # noqa: PLC0415 -- only there with the extra

    app.end_on_signals()
    try:
        app.run(config.load(os.environ).settings)
    except FieldwiseError as error:
        print(f"error: {error.sentence}", file=sys.stderr)  # noqa: T201 -- a person's line
        sys.exit(error.entry.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
