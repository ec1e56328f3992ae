"""How does the rollout go, and does it do harm?"""

from tools.dashboards.panels import JOB, Asked, Board, Drawn, Form, largest, quantiles, rate

ROLLOUT = 'rollout=~"$rollout"'
OF_ROLLOUTS = largest("fieldwise_rollout_devices", "rollout, place", ROLLOUT)
EVENTS = f"fieldwise_rollout_events_total{{{JOB}}}"

ROLLOUTS = Board(
    "rollout",
    "fieldwise · How does the rollout go, and does it do harm?",
    "Where the devices of a rollout stand, and what its gate knows.",
    (
        Drawn(
            "What do rollouts wait for?",
            (
                Asked(
                    largest("fieldwise_rollout_info", "rollout, backbone, phase, reason, outcome")
                ),
            ),
            form=Form.TABLE,
            width=16,
            text="The ten newest of which devices may still move.",
        ),
        Drawn(
            "Which wave is open?",
            (Asked(largest("fieldwise_rollout_wave", "rollout", ROLLOUT), "{{rollout}}"),),
            form=Form.NUMBER,
            width=4,
        ),
        Drawn(
            "For how long has it run?",
            (
                Asked(
                    "time() - "
                    + largest("fieldwise_rollout_start_timestamp_seconds", "rollout", ROLLOUT),
                    "{{rollout}}",
                ),
            ),
            "s",
            Form.NUMBER,
            4,
        ),
        Drawn(
            "Where do its devices stand?",
            (
                Asked(
                    f"sum by (place) ({OF_ROLLOUTS})",
                    "{{place}}",
                ),
            ),
            form=Form.STACKED,
            width=12,
        ),
        Drawn(
            "How much accuracy is lost, at most?",
            (
                Asked(
                    largest("fieldwise_rollout_mean_loss_ratio", "rollout", ROLLOUT),
                    "mean loss, {{rollout}}",
                ),
                Asked(
                    largest("fieldwise_rollout_loss_bound_ratio", "rollout", ROLLOUT),
                    "bound, {{rollout}}",
                ),
            ),
            "percentunit",
            width=12,
            text="Over devices that compared both pairs; the loss is below the bound.",
        ),
        Drawn(
            "What did devices lose or gain?",
            quantiles("fieldwise_device_verdict_loss_ratio", 0.1, 0.5, 0.9),
            "percentunit",
        ),
        Drawn(
            "How do updates end?",
            (Asked(rate("fieldwise_updates_ended_total", "phase"), "{{phase}}"),),
            "cps",
        ),
        Drawn(
            "Why did they fail?",
            (Asked(largest("fieldwise_update_failed_devices", "reason"), "{{reason}}"),),
            text="Devices whose newest update failed.",
        ),
        Drawn(
            "What do updates do now?",
            (Asked(largest("fieldwise_update_devices", "phase"), "{{phase}}"),),
            form=Form.STACKED,
        ),
        Drawn(
            "Which owners hold them back?",
            (Asked(largest("fieldwise_update_held_devices", "hold"), "{{hold}}"),),
        ),
        Drawn(
            "What happened, and by whom?",
            (
                Asked(
                    f"sum by (event, actor) (increase({EVENTS}[1h]))",
                    "{{event}} by {{actor}}",
                ),
            ),
        ),
        Drawn(
            "How fast are bundles delivered?",
            (Asked(rate("fieldwise_download_bytes_total", "job"), "bytes"),),
            "Bps",
            width=12,
        ),
        Drawn(
            "Do downloads come through?",
            (Asked(rate("fieldwise_downloads_total", "result"), "{{result}}"),),
            "reqps",
            width=12,
        ),
    ),
    (("rollout", "label_values(fieldwise_rollout_devices, rollout)"),),
)
