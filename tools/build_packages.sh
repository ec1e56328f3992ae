#!/bin/sh
# Build the agent's deb and rpm in output/packages, the same bytes from the same commit.
#
#     tools/build_packages.sh [amd64|arm64] [FOLDER]     by default for this machine
#
# All that differs between architectures are wheels, which pip can fetch for any of them.
set -eu

fail() {
    echo "packages: $*" >&2
    exit 1
}

cd "$(dirname "$0")/.."
case "${1:-$(uname -m)}" in
amd64 | x86_64) ARCHITECTURE=amd64 machine=x86_64 ;;
arm64 | aarch64) ARCHITECTURE=arm64 machine=aarch64 ;;
*) fail "no wheels are named for ${1:-$(uname -m)}; amd64 and arm64 are" ;;
esac
# The distribution's interpreter that the packages are bound to; this one compiles for it.
python=${PYTHON:-.venv/bin/python}
PYTHON_MINOR=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VERSION=$("$python" -c 'import fieldwise; print(fieldwise.__version__)')
RELEASE=1+py$(echo "$PYTHON_MINOR" | tr -d .)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
out=${2:-$PWD/output/packages}
mkdir -p "$out"
STAGE=$(mktemp -d)
trap 'rm -rf "$STAGE"' EXIT
export ARCHITECTURE PYTHON_MINOR VERSION RELEASE SOURCE_DATE_EPOCH STAGE
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CONSTRAINT="$PWD/constraints.txt" PYTHONHASHSEED=0
umask 022

# What Debian 12, Ubuntu 22.04 and Red Hat 9 can load: C libraries from 2.28 on.
fetch() {
    folder=$1
    shift
    for libc in 2_28 2_27 2_26 2_24 2_17 2_12 2_5; do
        set -- --platform "manylinux_${libc}_$machine" "$@"
    done
    .venv/bin/pip install --quiet --progress-bar off --no-compile --only-binary=:all: \
        --platform "manylinux2014_$machine" --python-version "$PYTHON_MINOR" --target "$folder" "$@"
}

.venv/bin/pip wheel --quiet --progress-bar off --no-deps --wheel-dir "$STAGE/wheel" .
tree=$STAGE/agent/lib/python$PYTHON_MINOR/site-packages
fetch "$tree" "$(echo "$STAGE"/wheel/fieldwise-*.whl)[agent-slim,metrics]"
fetch "$STAGE/camera/lib/python$PYTHON_MINOR/site-packages" --no-deps opencv-python-headless

# A device needs neither the orchestrator nor what packs bundles; where they were built is nobody's affair.
rm -rf "$tree/orchestrator" "$tree/bundler" "$tree/demonstration"
find "$STAGE/agent" "$STAGE/camera" -name direct_url.json -delete
find "$STAGE/agent" "$STAGE/camera" -path '*.dist-info/RECORD' -exec sed -i /direct_url.json/d {} +
rm -rf "${tree:?}/bin"
# 70 MB that no agent loads: the runtime once more for programs in C, tools for making models, numpy's tests.
rm -r "$tree"/onnxruntime/capi/libonnxruntime.so.* "$tree"/onnxruntime/transformers \
    "$tree"/onnxruntime/quantization "$tree"/onnxruntime/datasets
find "$tree/numpy" -depth -type d -name tests -exec rm -r {} +

# A virtual environment, except that nobody needs to make it: an interpreter with this file beside
# it takes its packages from here and from nowhere else.
mkdir -p "$STAGE/agent/bin"
ln -s "/usr/bin/python$PYTHON_MINOR" "$STAGE/agent/bin/python3"
printf 'home = /usr/bin\ninclude-system-site-packages = false\nversion = %s\n' "$PYTHON_MINOR" \
    >"$STAGE/agent/pyvenv.cfg"
install -m 755 deploy/packages/program.py "$STAGE/agent/bin/fieldwise-agent"
# Nobody may write beside the sources later, so they come compiled; by content, since times are set.
for part in agent camera; do
    "$python" -m compileall -q --invalidation-mode unchecked-hash \
        -s "$STAGE/$part" -p /usr/lib/fieldwise-agent "$STAGE/$part/lib"
done

mkdir "$STAGE/files"
cp deploy/packages/fieldwise-agent* deploy/packages/agent.toml LICENSE docs/device.md docs/packages.md \
    "$STAGE/files"
find "$STAGE" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
for kind in deb rpm; do
    for config in nfpm nfpm-camera; do
        nfpm package --config "deploy/packages/$config.yaml" --packager "$kind" --target "$out" >/dev/null
    done
done
du --bytes "$out"/*.deb "$out"/*.rpm | awk '{printf "%6.1f MB  %s\n", $1 / 1e6, $2}'
