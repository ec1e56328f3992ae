"""Do devices learn, and do they know what they see?"""

from tools.dashboards.panels import Asked, Board, Drawn, Form, largest, quantiles

NONE = 'le="0.0"'

LEARNING = Board(
    "learning",
    "fieldwise · Do devices learn, and do they know what they see?",
    "Accuracy, confidence, novelty and drift, as distributions over devices.",
    (
        Drawn(
            "How often are devices right?",
            (Asked(largest("fieldwise_device_accuracy_ratio_bucket", "le")),),
            form=Form.HEATMAP,
            width=12,
            text="Test-then-train accuracy over each device's window of labelled samples.",
        ),
        Drawn(
            "How often is the worst tenth right?",
            quantiles("fieldwise_device_accuracy_ratio", 0.1, 0.5, 0.9),
            "percentunit",
            width=12,
        ),
        Drawn(
            "On how many devices do we know?",
            (
                Asked(largest("fieldwise_device_accuracy_ratio_gcount"), "accuracy"),
                Asked(largest("fieldwise_device_calibration_error_ratio_gcount"), "calibration"),
                Asked(largest("fieldwise_device_novel_ratio_gcount"), "novelty"),
                Asked(largest("fieldwise_device_drift_ratio_gcount"), "drift"),
            ),
            text="Devices without labels have no accuracy, and too few held out tell no novelty.",
        ),
        Drawn(
            "Do confidences mean what they say?",
            quantiles("fieldwise_device_calibration_error_ratio", 0.5, 0.9, 0.99),
            "percentunit",
            text="Expected calibration error on held-out samples.",
        ),
        Drawn(
            "How much is new to them?",
            quantiles("fieldwise_device_novel_ratio", 0.5, 0.9, 0.99),
            "percentunit",
            text="Share of the last 1,000 predictions; about the false-alarm rate is normal.",
        ),
        Drawn(
            "Is the world changing?",
            quantiles("fieldwise_device_drift_ratio", 0.5, 0.9, 0.99),
            "percentunit",
            text="How near the nearest detector is to an alarm.",
        ),
        Drawn(
            "On how many devices did a detector alarm today?",
            (
                Asked(
                    f"1 - {largest('fieldwise_device_drift_alarms_bucket', labels=NONE)}"
                    f" / ({largest('fieldwise_device_drift_alarms_gcount')} > 0)",
                    "share of devices",
                ),
            ),
            "percentunit",
        ),
        Drawn(
            "How much have they learned?",
            (Asked(largest("fieldwise_device_learned_samples_gsum"), "samples"),),
        ),
        Drawn(
            "How long does a sample take?",
            quantiles("fieldwise_device_learning_seconds", 0.5, 0.9, 0.99),
            "s",
            text="From a taught image to its being learned; of each device the median.",
        ),
        Drawn(
            "How much waits to be learned?",
            quantiles("fieldwise_device_waiting_samples", 0.5, 0.9, 0.99),
        ),
        Drawn(
            "What did the newest backbone cost?",
            quantiles("fieldwise_device_verdict_loss_ratio", 0.1, 0.5, 0.9),
            "percentunit",
            text="Accuracy lost on held-out samples; below 0 is a gain.",
        ),
    ),
)
