#!/bin/sh
# What the tests of deb and rpm need: rpm and debootstrap from Debian, and a Debian with systemd and
# Python in the user's cache, which a test boots a copy of.
set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/fieldwise
base=$cache/debian-bookworm-systemd.tar

[ "$(id -u)" = 0 ] || { echo "the tests of packages boot a system, which takes root" >&2; exit 1; }
missing=
for program in rpm debootstrap; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
    apt-get -qq update
    # shellcheck disable=SC2086 # several words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
if [ -f "$base" ]; then
    exit 0
fi
mkdir -p "$cache"
scratch=$(mktemp -d "$cache/debian.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
debootstrap --variant=minbase --include=python3,systemd,dbus bookworm "$scratch/root" >"$scratch/log" 2>&1 ||
    { tail "$scratch/log" >&2; exit 1; }
tar -C "$scratch/root" --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*' \
    -cf "$scratch/base.tar" .
mv "$scratch/base.tar" "$base"
