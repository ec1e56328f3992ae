#!/bin/sh
# Build the images on the base that tools/install_containers.sh made, and run the tests of containers in a
# network of their own, in which every port is free and nothing outside of this machine is reached.
set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/fieldwise/containers
export CONTAINERS_CONF="$cache/containers.conf" CONTAINERS_STORAGE_CONF="$cache/storage.conf"

mkdir -p output
nice python -m tools.images --base localhost/fieldwise-python:bookworm \
    --builder localhost/fieldwise-python-build:bookworm --tag test --json output/images.json -- \
    --network=host --quiet
# What earlier builds left, which no image needs any more.
podman image prune --force >/dev/null
unshare --net sh -c 'ip link set lo up && exec "$@"' sh pytest -m containers tests/containers "$@"
