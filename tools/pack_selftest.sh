#!/bin/sh
# Pack the two tiny backbones of the chart's own test: random features of readings, which need no
# weights of anybody. They are committed, so that a cluster needs nothing that packs.
set -eu

cd "$(dirname "$0")/../helm/fieldwise/files/selftest"
for number in 1 2; do
    fieldwise backbone pack --readings readings.csv --label state --features 16 --seed "$number" \
        --name fieldwise-selftest --version "$number.0.0" --publisher fieldwise \
        --licence Apache-2.0 --source "random features of readings" --output "selftest-$number.bundle"
done
