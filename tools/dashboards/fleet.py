"""Is the fleet there, and what does it run?"""

from tools.dashboards.panels import (
    Asked,
    Board,
    Drawn,
    Form,
    Limit,
    largest,
    largest_by,
    quantiles,
    rate_by,
    worst_devices,
)
from tools.dashboards.words import RESULTS, STATES

OFFLINE = 'state="offline"'
CERTIFICATES = "fieldwise_certificates_expiring"

FLEET = Board(
    "fleet",
    "fieldwise · Is the fleet there, and what does it run?",
    "Devices by state, backbone and agent, and how the machines under them are.",
    (
        Drawn(
            "How many devices are there?",
            (Asked(f"sum ({largest('fieldwise_devices', 'state')})"),),
            form=Form.NUMBER,
            width=5,
        ),
        Drawn(
            "How many are silent?",
            (
                Asked(
                    f"sum ({largest('fieldwise_devices', 'state', OFFLINE)})"
                    f" / (sum ({largest('fieldwise_devices', 'state')}) > 0)"
                ),
            ),
            "percentunit",
            Form.NUMBER,
            5,
            limit=Limit(0.1),
        ),
        Drawn(
            "How many tickets are open?",
            (Asked(largest("fieldwise_tickets_open")),),
            form=Form.NUMBER,
            width=5,
            text="Each still admits a device, or several.",
        ),
        Drawn(
            "Whose certificates end soon?",
            (
                Asked(largest(CERTIFICATES, labels='days="7"'), "in a week"),
                Asked(largest(CERTIFICATES, labels='days="1"'), "in a day"),
                Asked(largest(CERTIFICATES, labels='days="0"'), "ended"),
            ),
            form=Form.NUMBER,
            width=9,
            text="Devices by when their newest certificate ends, sooner ones among them. Each"
            " renews its own long before; whose has ended has been away.",
        ),
        Drawn(
            "In which state are devices?",
            largest_by("fieldwise_devices", "state"),
            form=Form.STACKED,
            colours=STATES,
        ),
        Drawn(
            "Which backbone do they use?",
            largest_by("fieldwise_backbone_devices", "backbone"),
            form=Form.STACKED,
        ),
        Drawn(
            "Which agent do they run?",
            largest_by("fieldwise_agent_devices", "version"),
            form=Form.STACKED,
        ),
        Drawn(
            "Which backbone should they use?",
            largest_by("fieldwise_target_devices", "backbone"),
            form=Form.STACKED,
            text="What rollouts have ordered; devices get there as their owners allow.",
            empty="no rollout has ordered one",
        ),
        Drawn(
            "In which cohort are devices silent?",
            (
                Asked(
                    f"{largest('fieldwise_cohort_devices', 'cohort', OFFLINE)} / (sum by (cohort)"
                    f" ({largest('fieldwise_cohort_devices', 'cohort, state')}) > 0)",
                    "{{cohort}}",
                ),
            ),
            "percentunit",
            text="By the tag that the setting metrics_tag names. An alert fires above the line.",
            limit=Limit(0.5),
            shows_zeros=True,
            empty="the setting metrics_tag names no tag",
        ),
        worst_devices(
            "Which devices are silent longest?",
            "fieldwise_worst_device_last_seen_age_seconds",
            "s",
            "heard of so long ago",
            highest=True,
        ),
        Drawn(
            "Since when was nothing heard of them?",
            quantiles("fieldwise_device_last_seen_age_seconds", 0.5, 0.9, 0.99),
            "s",
            text="Of half of the devices something was heard within the median.",
        ),
        Drawn(
            "Do check-ins come through?",
            rate_by("fieldwise_check_ins_total", "result"),
            "reqps",
            colours=RESULTS,
        ),
        Drawn(
            "Do devices get in?",
            rate_by("fieldwise_enrolments_total", "result"),
            "reqps",
            colours=RESULTS,
        ),
        Drawn(
            "How long do predictions take?",
            quantiles("fieldwise_device_prediction_seconds", 0.5, 0.9, 0.99),
            "s",
            text="Over devices: of each the 99th percentile of its last 1,000 predictions.",
        ),
        Drawn(
            "Do devices refuse predictions?",
            quantiles("fieldwise_device_prediction_error_ratio", 0.5, 0.9, 0.99),
            "percentunit",
            limit=Limit(0.05),
            text="An alert fires when a twentieth of the devices is above the line.",
        ),
        Drawn(
            "Can they keep up with their streams?",
            quantiles("fieldwise_device_skipped_ratio", 0.5, 0.9, 0.99),
            "percentunit",
            text="Share of frames that a device was not ready for.",
        ),
        Drawn(
            "How much memory do agents take?",
            quantiles("fieldwise_device_resident_bytes", 0.5, 0.9, 0.99),
            "bytes",
        ),
        Drawn(
            "Is there room on the devices?",
            quantiles("fieldwise_device_disk_free_bytes", 0.01, 0.1, 0.5),
            "bytes",
            text="Of one device in a hundred less is free than p1.",
        ),
        Drawn(
            "Are their clocks right?",
            quantiles("fieldwise_device_clock_offset_seconds", 0.5, 0.9, 0.99),
            "s",
            limit=Limit(60),
            text="Off the orchestrator's, either way. An alert fires when a twentieth of the"
            " devices is above the line.",
        ),
    ),
)
