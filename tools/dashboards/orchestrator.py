"""Does the orchestrator keep up? Rate, errors, duration; use and saturation."""

from tools.dashboards.panels import (
    JOB,
    Asked,
    Board,
    Drawn,
    Form,
    Limit,
    by_replica,
    latency,
    rate,
    rate_by,
)
from tools.dashboards.words import LEADS, YES_NO

OWN = 'grpc_service=~"fieldwise.*"'
PROMPT = f'{OWN},grpc_method!="AwaitRound"'  # an aggregator's question is held until a round ends
FAULTS = 'grpc_code=~"Internal|Unavailable|Unknown|DataLoss|DeadlineExceeded"'

ORCHESTRATOR = Board(
    "orchestrator",
    "fieldwise · Does the orchestrator keep up?",
    "Rate, errors and duration of its calls; use and saturation of what it runs on.",
    (
        Drawn(
            "Does the database answer?",
            by_replica("fieldwise_ready{}"),
            form=Form.NUMBER,
            width=5,
            says=YES_NO,
        ),
        Drawn(
            "Who leads?",
            by_replica("fieldwise_leader{}"),
            form=Form.NUMBER,
            width=5,
            text="One replica moves rollouts on and tells of the fleet.",
            says=LEADS,
        ),
        Drawn(
            "How old are the figures?",
            (Asked(f"time() - max (fieldwise_snapshot_timestamp_seconds{{{JOB}}})"),),
            "s",
            Form.NUMBER,
            5,
            limit=Limit(300),
            text="Since the replica that leads last counted the fleet.",
        ),
        Drawn(
            "Which version runs?",
            (Asked(f"sum by (version) (fieldwise_build_info{{{JOB}}})", "{{version}}"),),
            form=Form.NUMBER,
            width=4,
            is_named=True,
        ),
        Drawn(
            "How many series has a scrape?",
            by_replica("fieldwise_metrics_series{}"),
            form=Form.NUMBER,
            width=5,
            text="Of each replica: the same however many devices there are.",
            limit=Limit(2000),
        ),
        Drawn(
            "How many calls are there?",
            rate_by("grpc_server_handled_total", "grpc_method", OWN),
            "reqps",
        ),
        Drawn(
            "How many fail?",
            (
                Asked(
                    f"({rate('grpc_server_handled_total', 'grpc_method', f'{OWN},{FAULTS}')}"
                    f" or 0 * {rate('grpc_server_handled_total', 'grpc_method', OWN)})"
                    f" / ({rate('grpc_server_handled_total', 'grpc_method', OWN)} > 0)",
                    "{{grpc_method}}",
                ),
            ),
            "percentunit",
            text="With a fault of the server; refusals do not count.",
            shows_zeros=True,
            limit=Limit(0.05),
        ),
        Drawn(
            "How long do they take?",
            (
                Asked(
                    latency(0.99, "grpc_server_handling_seconds", "grpc_method", PROMPT),
                    "{{grpc_method}}",
                ),
            ),
            "s",
            text="99 of 100 calls took at most so long. An alert fires when devices wait for more"
            " than a second. Not of an aggregator's wait for the end of a round.",
            limit=Limit(1),
        ),
        Drawn(
            "How are calls answered?",
            rate_by("grpc_server_handled_total", "grpc_code", OWN),
            "reqps",
            colours={"OK": "green"},
        ),
        Drawn(
            "Is its core full?",
            by_replica("rate(process_cpu_seconds_total{}[$__rate_interval])"),
            "percentunit",
            text="One process uses one core.",
            most=1,
        ),
        Drawn(
            "How late does it come to what is due?",
            (
                Asked(
                    latency(0.99, "fieldwise_event_loop_delay_seconds", "instance"),
                    "{{instance}}",
                ),
            ),
            "s",
            text="99 of 100 times by less than that. It grows before the core is full.",
        ),
        Drawn(
            "How long do its own loops take?",
            (Asked(latency(0.99, "fieldwise_loop_seconds", "loop"), "{{loop}}"),),
            "s",
        ),
        Drawn(
            "Do its loops fail?",
            rate_by("fieldwise_loop_failures_total", "loop"),
            "cps",
            shows_zeros=True,
        ),
        Drawn(
            "How many reports wait to be written?",
            by_replica("fieldwise_reports_waiting{}"),
        ),
        Drawn(
            "How much memory does it take?",
            by_replica("process_resident_memory_bytes{}"),
            "bytes",
        ),
        Drawn(
            "How much room is left?",
            (
                Asked(
                    f"fieldwise_disk_free_bytes{{{JOB}}} / fieldwise_disk_bytes{{{JOB}}}",
                    "{{folder}}, {{instance}}",
                ),
            ),
            "percentunit",
            limit=Limit(0.1, below=True),
            most=1,
            text="Where data and bundles are folders.",
            empty="both are elsewhere",
        ),
        Drawn(
            "How many connections and files are open?",
            by_replica("process_open_fds{} / process_max_fds{}"),
            "percentunit",
        ),
    ),
)
