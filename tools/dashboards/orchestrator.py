"""Does the orchestrator keep up? Rate, errors, duration; use and saturation."""

from tools.dashboards.panels import JOB, Asked, Board, Drawn, Form, latency, rate

OWN = 'grpc_service=~"fieldwise.*"'
FAULTS = 'grpc_code=~"Internal|Unavailable|Unknown|DataLoss|DeadlineExceeded"'

ORCHESTRATOR = Board(
    "orchestrator",
    "fieldwise · Does the orchestrator keep up?",
    "Rate, errors and duration of its calls; use and saturation of what it runs on.",
    (
        Drawn(
            "Does the database answer?",
            (Asked(f"fieldwise_ready{{{JOB}}}", "{{instance}}"),),
            form=Form.NUMBER,
            width=5,
        ),
        Drawn(
            "Who leads?",
            (Asked(f"fieldwise_leader{{{JOB}}}", "{{instance}}"),),
            form=Form.NUMBER,
            width=5,
            text="One replica moves rollouts on and tells of the fleet.",
        ),
        Drawn(
            "How old are the figures?",
            (Asked(f"time() - fieldwise_snapshot_timestamp_seconds{{{JOB}}}", "{{instance}}"),),
            "s",
            Form.NUMBER,
            5,
        ),
        Drawn(
            "Which version runs?",
            (Asked(f"sum by (version) (fieldwise_build_info{{{JOB}}})", "{{version}}"),),
            form=Form.NUMBER,
            width=5,
        ),
        Drawn(
            "How long is a scrape?",
            (Asked(f"fieldwise_metrics_series{{{JOB}}}", "{{instance}}"),),
            form=Form.NUMBER,
            width=5,
            text="Series of a replica: the same however many devices there are.",
        ),
        Drawn(
            "How many calls are there?",
            (Asked(rate("grpc_server_handled_total", "grpc_method", OWN), "{{grpc_method}}"),),
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
        ),
        Drawn(
            "How long do they take?",
            (
                Asked(
                    latency(0.5, "grpc_server_handling_seconds", "grpc_method", OWN),
                    "median, {{grpc_method}}",
                ),
                Asked(
                    latency(0.99, "grpc_server_handling_seconds", "grpc_method", OWN),
                    "p99, {{grpc_method}}",
                ),
            ),
            "s",
        ),
        Drawn(
            "How are calls answered?",
            (Asked(rate("grpc_server_handled_total", "grpc_code", OWN), "{{grpc_code}}"),),
            "reqps",
        ),
        Drawn(
            "Is its core full?",
            (Asked(f"rate(process_cpu_seconds_total{{{JOB}}}[$__rate_interval])", "{{instance}}"),),
            "percentunit",
            text="One process uses one core.",
        ),
        Drawn(
            "How late does it come to what is due?",
            (
                Asked(
                    latency(0.99, "fieldwise_event_loop_delay_seconds", "instance"),
                    "p99, {{instance}}",
                ),
            ),
            "s",
            text="Grows before the core is full.",
        ),
        Drawn(
            "How long do its own loops take?",
            (Asked(latency(0.99, "fieldwise_loop_seconds", "loop"), "{{loop}}"),),
            "s",
        ),
        Drawn(
            "Do its loops fail?",
            (Asked(rate("fieldwise_loop_failures_total", "loop"), "{{loop}}"),),
            "cps",
        ),
        Drawn(
            "How many reports wait to be written?",
            (Asked(f"fieldwise_reports_waiting{{{JOB}}}", "{{instance}}"),),
        ),
        Drawn(
            "How much memory does it take?",
            (Asked(f"process_resident_memory_bytes{{{JOB}}}", "{{instance}}"),),
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
        ),
        Drawn(
            "How many connections and files are open?",
            (Asked(f"process_open_fds{{{JOB}}} / process_max_fds{{{JOB}}}", "{{instance}}"),),
            "percentunit",
        ),
    ),
)
