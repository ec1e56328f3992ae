"""Is the fleet there, and what does it run?"""

from tools.dashboards.panels import Asked, Board, Drawn, Form, largest, quantiles, rate

OFFLINE = 'state="offline"'

FLEET = Board(
    "fleet",
    "fieldwise · Is the fleet there, and what does it run?",
    "Devices by state, backbone and agent, and how the machines under them are.",
    (
        Drawn(
            "How many devices are there?",
            (Asked(f"sum ({largest('fieldwise_devices', 'state')})"),),
            form=Form.NUMBER,
            width=4,
        ),
        Drawn(
            "How many are silent?",
            (
                Asked(
                    f"sum ({largest('fieldwise_devices', 'state', OFFLINE)})"
                    f" / sum ({largest('fieldwise_devices', 'state')})"
                ),
            ),
            "percentunit",
            Form.NUMBER,
            4,
        ),
        Drawn(
            "How many can still join with open tickets?",
            (Asked(largest("fieldwise_tickets_open")),),
            form=Form.NUMBER,
            width=4,
        ),
        Drawn(
            "Whose certificates end soon?",
            (Asked(largest("fieldwise_certificates_expiring", "days"), "within {{days}} days"),),
            form=Form.NUMBER,
            width=12,
            text="Devices whose newest certificate ends within so many days; 0 has ended.",
        ),
        Drawn(
            "In which state are devices?",
            (Asked(largest("fieldwise_devices", "state"), "{{state}}"),),
            form=Form.STACKED,
        ),
        Drawn(
            "Which backbone do they use?",
            (Asked(largest("fieldwise_backbone_devices", "backbone"), "{{backbone}}"),),
            form=Form.STACKED,
        ),
        Drawn(
            "Which agent do they run?",
            (Asked(largest("fieldwise_agent_devices", "version"), "{{version}}"),),
            form=Form.STACKED,
        ),
        Drawn(
            "Since when was nothing heard of them?",
            quantiles("fieldwise_device_last_seen_age_seconds", 0.5, 0.9, 0.99),
            "s",
        ),
        Drawn(
            "Do check-ins come through?",
            (Asked(rate("fieldwise_check_ins_total", "result"), "{{result}}"),),
            "reqps",
        ),
        Drawn(
            "Do devices get in?",
            (Asked(rate("fieldwise_enrolments_total", "result"), "{{result}}"),),
            "reqps",
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
        ),
        Drawn(
            "Are their clocks right?",
            quantiles("fieldwise_device_clock_offset_seconds", 0.5, 0.9, 0.99),
            "s",
        ),
    ),
)
