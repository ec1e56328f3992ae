"""Bills of materials, of this very environment: nothing is fetched."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fieldwise import __version__
from tools import sbom
from tools.pin import canonical


@pytest.fixture(scope="module")
def listed() -> Any:
    bill = sbom.listed(Path(sys.executable))
    bill["components"] = [each for each in bill["components"] if each["name"] == "numpy"]
    bill["dependencies"] = []
    return bill


def hashes(listed: Any) -> dict[str, tuple[str, list[str]]]:
    return {
        canonical(each["name"]): (each["version"], ["ab" * 32]) for each in listed["components"]
    }


def test_a_bill_names_the_image_and_what_may_be_taken(listed: Any, tmp_path: Path) -> None:
    bill = sbom.completed(listed, "agent", hashes(listed))
    sbom.written(bill, tmp_path / "new" / "agent.cdx.json")
    read = json.loads((tmp_path / "new" / "agent.cdx.json").read_text())
    assert read["bomFormat"] == "CycloneDX"
    assert read["metadata"]["component"]["name"] == "fieldwise-agent"
    assert read["metadata"]["component"]["version"] == __version__
    (numpy,) = read["components"]
    assert numpy["licenses"]
    assert {"alg": "SHA-256", "content": "ab" * 32} in numpy["externalReferences"][-1]["hashes"]


def test_a_package_that_no_list_allows_is_no_part_of_a_bill(listed: Any) -> None:
    with pytest.raises(ValueError, match=r"numpy .* is not in the list"):
        sbom.completed(listed, "agent", {"numpy": ("0.0.1", ["ab" * 32])})


def test_what_breaks_the_schema_is_not_written(listed: Any, tmp_path: Path) -> None:
    wrong = {**listed, "components": [{"name": "without a type"}]}
    with pytest.raises(ValueError, match="is no CycloneDX"):
        sbom.written(wrong, tmp_path / "agent.cdx.json")
    assert list(tmp_path.iterdir()) == []
