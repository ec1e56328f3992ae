#!/bin/sh
# The proto files keep buf's rules, its format, and what the last release promised.
set -eu

buf lint
buf format --diff --exit-code
tag=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)
if [ -z "$tag" ]; then
    echo "buf breaking: no release tag yet, nothing to compare with"
    exit 0
fi
buf breaking --against ".git#tag=$tag"
