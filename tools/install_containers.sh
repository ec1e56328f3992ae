#!/bin/sh
# Bring podman, podman-compose and what images are built on and run beside in tests: a base with Python, and
# Debian's Prometheus and Alertmanager. Needs root and Debian, and no registry of images: all are made from
# Debian's own packages. They stay in the user's cache, apart from those of the machine's own podman.
set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/fieldwise/containers
suite=bookworm
base=localhost/fieldwise-python:$suite
builder=localhost/fieldwise-python-build:$suite
compose=$cache/podman-compose-1.6.0

mkdir -p "$cache"
# Neither systemd nor control groups of its own are asked for, and limits that a sandbox can grant.
cat >"$cache/containers.conf" <<'END_OF_FILE'
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=10000:10000"]
log_driver = "k8s-file"

[network]
network_backend = "netavark"

[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
END_OF_FILE
cat >"$cache/storage.conf" <<END_OF_FILE
[storage]
driver = "overlay"
graphroot = "$cache/storage"
runroot = "/run/fieldwise-containers"
END_OF_FILE
export CONTAINERS_CONF="$cache/containers.conf" CONTAINERS_STORAGE_CONF="$cache/storage.conf"

ready() {
    command -v podman >/dev/null && [ -d "$compose" ] || return 1
    for image in "$base" "$builder" "localhost/fieldwise-prometheus:$suite" "localhost/fieldwise-alertmanager:$suite"; do
        podman image exists "$image" || return 1
    done
}
if ready; then
    exit 0
fi
fail() {
    echo "containers: $*" >&2
    exit 1
}
[ "$(id -u)" = 0 ] || fail "only root can make the base image and run it here"
if ! command -v apt-get >/dev/null; then
    fail "there is no apt here to get podman and debootstrap with"
fi
missing=
for package in podman runc crun buildah netavark aardvark-dns iptables debootstrap catatonit; do
    command -v "$package" >/dev/null || [ -x "/usr/lib/podman/$package" ] || [ -x "/usr/libexec/podman/$package" ] ||
        missing="$missing $package"
done
if [ -n "$missing" ]; then
    apt-get update -qq
    # shellcheck disable=SC2086 # several words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
fi

scratch=$(mktemp -d "$cache/base.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
if ! podman image exists "$base"; then
    echo "containers: making the base image from Debian's packages takes a few minutes, once"
    debootstrap --variant=minbase --include=python3,ca-certificates "$suite" "$scratch/root" >"$scratch/log" ||
        fail "debootstrap failed: $(tail -n 3 "$scratch/log")"
    # What Debian's own images leave out, too: lists, caches and what only people read.
    rm -rf "$scratch"/root/var/cache/apt/* "$scratch"/root/var/lib/apt/lists/* "$scratch"/root/var/log/*
    find "$scratch/root/usr/share/doc" -type f ! -name copyright -delete
    rm -rf "$scratch"/root/usr/share/man/* "$scratch"/root/usr/share/info/* "$scratch"/root/usr/share/locale/*
    tar -C "$scratch/root" -c . | podman import --quiet - "$base"
fi
# The same with further packages of Debian.
with() {
    podman build --quiet --network host --tag "$1" --file - "$scratch" <<END_OF_FILE
FROM $base
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive \\
    apt-get install -y -qq --no-install-recommends $2 && rm -rf /var/lib/apt/lists/*
ENTRYPOINT ["$3"]
END_OF_FILE
}
# What makes virtual environments, for the stage that is thrown away.
with "$builder" python3-venv bash
with "localhost/fieldwise-prometheus:$suite" prometheus prometheus
with "localhost/fieldwise-alertmanager:$suite" prometheus-alertmanager prometheus-alertmanager
if ! [ -d "$compose" ]; then
    python -m pip install --quiet --target "$scratch/compose" --constraint constraints.txt podman-compose==1.6.0
    mv "$scratch/compose" "$compose"
fi
