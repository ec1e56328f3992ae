#!/bin/sh
# Make the virtual environment of the house in .venv and install everything that constraints.txt pins.
set -eu

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Shims of version managers answer to a name without having the program: so each candidate is run.
find_python() {
    for name in "${PYTHON:-python3}" python3.11 python3.12 python3.13 python3.14; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

install_python() {
    if ! command -v apt-get >/dev/null; then
        echo "set-up: Python 3.11 or newer with its venv module is missing, and there is no apt to get it with" >&2
        exit 1
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv
}

python=$(find_python) || { install_python; python=$(find_python); }
"$python" -c 'import ensurepip, venv' 2>/dev/null || install_python

"$python" -m venv .venv
# The build of the package itself runs apart from the environment and reads its pins from here.
PIP_CONSTRAINT=$PWD/constraints.txt
export PIP_CONSTRAINT PIP_DISABLE_PIP_VERSION_CHECK=1
.venv/bin/pip install --quiet --progress-bar off -c constraints.txt -e '.[dev]'
