#!/bin/sh
# Install the Debian programs that tests start. Without apt those tests are left out, and this says so.
set -eu

if command -v prometheus >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "no prometheus and no apt here: the tests marked 'services' (the scrape by a real Prometheus) are left out"
    exit 0
fi
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
as_root apt-get update -qq
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus
