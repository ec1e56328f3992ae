"""What Flower's own programs run beside us: a head that devices send back changed.

Devices train nothing, so that what is measured is the way there and back. Copied into an app folder
by ``benchmarks.federation_flower``.
"""

import time
from pathlib import Path

import numpy as np
from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

client = ClientApp()
server = ServerApp()


@client.train()
def train(message: Message, _: Context) -> Message:
    arrays = message.content["arrays"]
    assert isinstance(arrays, ArrayRecord)
    changed = ArrayRecord({name: Array(each.numpy() + 1) for name, each in arrays.items()})
    metrics = MetricRecord({"num-examples": 1})
    return Message(RecordDict({"arrays": changed, "metrics": metrics}), reply_to=message)


@server.main()
def main(grid: Grid, context: Context) -> None:
    config = context.run_config
    times = Path(str(config["times"]))

    def note(_: int, __: ArrayRecord) -> None:
        with times.open("a") as file:
            file.write(f"{time.time()}\n")

    rows = np.zeros((int(config["classes"]), int(config["width"])), np.float32)
    FedAvg(fraction_evaluate=0.0, min_train_nodes=3, min_available_nodes=3).start(
        grid,
        ArrayRecord({"head": Array(rows)}),
        num_rounds=int(config["rounds"]),
        timeout=600,
        evaluate_fn=note,
    )
