#!/bin/sh
# Bring the Debian programs that tests start (Prometheus) into the user's cache. They are unpacked, not
# installed: Debian's package would start a server on port 9090 and leave it there. Needs no root.
set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/fieldwise/services
if command -v prometheus >/dev/null || [ -x "$cache/usr/bin/prometheus" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "no prometheus and no apt here: the tests marked 'services' (the scrape by a real Prometheus) are left out"
    exit 0
fi

mkdir -p "$(dirname "$cache")"
scratch=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/lists/partial" "$scratch/archives/partial" "$scratch/unpacked"
cd "$scratch"
# apt's own lists may be missing or old, and only root may write them: so it gets lists of our own.
private_apt() {
    apt-get -qq -o Dir::State::Lists="$scratch/lists" -o Dir::Cache="$scratch" -o APT::Sandbox::User= "$@"
}
private_apt update
private_apt download prometheus
dpkg-deb -x prometheus_*.deb unpacked
rm -rf "$cache"
mv unpacked "$cache"
