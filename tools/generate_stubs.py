"""Generate the Python stubs from proto/; the path of a proto file is its import path."""

import sys
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
BUILT_IN = Path(protoc.__file__).parent / "_proto"


def generate(target: Path) -> int:
    sources = sorted(str(path) for path in (ROOT / "proto").rglob("*.proto"))
    status: int = protoc.main(
        [
            "protoc",
            f"-I{ROOT / 'proto'}",
            f"-I{BUILT_IN}",
            f"--python_out={target}",
            f"--pyi_out={target}",
            f"--grpc_python_out={target}",
            f"--mypy_grpc_out={target}",
            *sources,
        ]
    )
    return status


if __name__ == "__main__":
    sys.exit(generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT))
