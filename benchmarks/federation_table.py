"""The figures as a table: a row for what is shared, a column for each set of images."""

from collections.abc import Iterator, Mapping

Figures = Mapping[str, float]

ROWS: Mapping[str, str] = {
    "local": "nothing, each device's own head",
    "fedavg_1.from_10.best_rate": "Flower's FedAvg of softmax rows, 1 round, from 10 samples",
    "fedavg_20.from_10.best_rate": "Flower's FedAvg of softmax rows, 20 rounds, from 10 samples",
    "fedavg_1.from_1.best_rate": "Flower's FedAvg of softmax rows, 1 round",
    "fedavg_20.from_1.best_rate": "Flower's FedAvg of softmax rows, 20 rounds",
    "weights.from_10.devices_min_2": "weights, 1 round, from 10 samples, of two devices or more",
    "weights.from_10.devices_min_1": "weights, 1 round, from 10 samples, of one device, too",
    "weights.from_1.devices_min_2": "weights, 1 round, from 1 sample, of two devices or more",
    "weights.from_1.devices_min_1": "weights, 1 round, from 1 sample, of one device, too",
    "statistics.from_10": "statistics, 1 round, from 10 samples",
    "statistics.from_1": "statistics, 1 round, from 1 sample",
    "centralised": "all samples in one place",
}


def table(found: Figures) -> Iterator[str]:
    """Lines of a table in Markdown, of accuracies with their standard deviations; none of none."""
    sets = [name.removesuffix(".centralised") for name in found if name.endswith(".centralised")]
    if not sets:
        return
    yield "| what is shared | " + " | ".join(sets) + " |"
    yield "|---" * (len(sets) + 1) + "|"
    for row, words in ROWS.items():
        cells = " | ".join(cell(found, f"{each}.{row}") for each in sets)
        yield f"| {words} | {cells} |"


def cell(found: Figures, name: str) -> str:
    """A figure with its standard deviation, where it has one."""
    if name not in found:
        return "-"
    spread = found.get(f"{name}.sd")
    return f"{found[name]:.1f}" + ("" if spread is None else f" ± {spread:.1f}")
