"""How does the rollout go, and does it do harm?"""

from tools.dashboards.panels import (
    JOB,
    Asked,
    Board,
    Choice,
    Drawn,
    Form,
    largest,
    largest_by,
    quantiles,
    rate,
    rate_by,
)
from tools.dashboards.words import PLACES, RESULTS, STEPS

ROLLOUT = 'rollout=~"$rollout"'
OF_ROLLOUTS = largest("fieldwise_rollout_devices", "rollout, place", ROLLOUT)
SECONDS = "fieldwise_rollout_duration_seconds"
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
            columns={
                "rollout": "rollout",
                "backbone": "backbone",
                "phase": "phase",
                "reason": "reason",
                "outcome": "what its gate says",
            },
            empty="no device may still move",
        ),
        Drawn(
            "Which wave is open?",
            largest_by("fieldwise_rollout_wave", "rollout", ROLLOUT),
            form=Form.NUMBER,
            width=4,
        ),
        Drawn(
            "How long ago did it start?",
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
            colours=PLACES,
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
            text="Accuracy lost on held-out samples by the newest backbone; below 0 is a gain.",
        ),
        Drawn(
            "How do updates end?",
            rate_by("fieldwise_updates_ended_total", "phase"),
            "cps",
            colours=STEPS,
            shows_zeros=True,
        ),
        Drawn(
            "Why did they fail?",
            (Asked(f"{largest('fieldwise_update_failed_devices', 'reason')} > 0", "{{reason}}"),),
            form=Form.STACKED,
            text="Devices whose newest update failed.",
            empty="none failed",
        ),
        Drawn(
            "What do updates do now?",
            largest_by("fieldwise_update_devices", "phase"),
            form=Form.STACKED,
            colours=STEPS,
        ),
        Drawn(
            "Which owners hold them back?",
            (Asked(f"{largest('fieldwise_update_held_devices', 'hold')} > 0", "{{hold}}"),),
            form=Form.STACKED,
            text="Devices that wait for their owner's rules, by rule.",
            empty="none",
        ),
        Drawn(
            "What happened, and by whom?",
            (Asked(f"round (sum by (event, actor) (increase({EVENTS}[$__range]))) > 0"),),
            form=Form.TABLE,
            columns={"event": "event", "actor": "by", "Value": "times"},
            highest="times",
            text="To all rollouts, in the time that the dashboard shows.",
            empty="nothing",
        ),
        Drawn(
            "How fast are bundles delivered?",
            (Asked(rate("fieldwise_download_bytes_total", "job"), "bytes"),),
            "Bps",
            width=8,
        ),
        Drawn(
            "Do downloads come through?",
            rate_by("fieldwise_downloads_total", "result"),
            "reqps",
            colours=RESULTS,
            width=8,
        ),
        Drawn(
            "How long did rollouts run?",
            (
                Asked(
                    f"sum by (phase) (increase({SECONDS}_sum{{{JOB}}}[$__range])) / (sum by (phase)"
                    f" (increase({SECONDS}_count{{{JOB}}}[$__range])) > 0)",
                    "{{phase}}",
                ),
            ),
            "s",
            Form.NUMBER,
            8,
            "Mean of those that ended in the time that the dashboard shows, by how.",
            empty="none has ended",
        ),
    ),
    (Choice("rollout", f"label_values(fieldwise_rollout_devices{{{JOB}}}, rollout)", r"^r\d+$"),),
)
