#!/bin/sh
# Make the virtual environment of the house in .venv and install everything that constraints.txt pins.
set -eu

fail() {
    echo "set-up: $*" >&2
    exit 1
}

# Shims of version managers answer to a name without having the program: so each candidate is run.
usable() {
    "$1" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for name in python3 python3.11 python3.12 python3.13 python3.14; do
        if usable "$name"; then
            command -v "$name"
            return
        fi
    done
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_python() {
    command -v apt-get >/dev/null ||
        fail "Python 3.11 or newer with its venv module is missing, and there is no apt to get it with"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        fail "Python 3.11 or newer with its venv module is missing, and without root or sudo it cannot be" \
            "installed; let root run: apt-get install python3 python3-venv"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv
}

if [ -n "${PYTHON:-}" ]; then
    usable "$PYTHON" || fail "PYTHON=$PYTHON is not a Python 3.11 or newer with its venv module"
    python=$PYTHON
elif ! python=$(find_python); then
    install_python
    python=$(find_python) ||
        fail "what apt brings is $(python3 --version 2>&1 || true), and 3.11 or newer is needed;" \
            "name one that you installed: PYTHON=/path/to/python make setup"
fi

"$python" -m venv .venv
# The build of the package itself runs apart from the environment and reads its pins from here.
PIP_CONSTRAINT=$PWD/constraints.txt
export PIP_CONSTRAINT PIP_DISABLE_PIP_VERSION_CHECK=1
.venv/bin/pip install --quiet --progress-bar off -c constraints.txt -e '.[dev]'
