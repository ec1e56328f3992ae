"""Do devices learn, and do they know what they see?"""

from tools.dashboards.panels import (
    Asked,
    Board,
    Drawn,
    Form,
    Limit,
    largest,
    largest_by,
    quantiles,
    worst_devices,
)

NONE, FINITE = 'le="0.0"', 'le!="+Inf"'

LEARNING = Board(
    "learning",
    "fieldwise · Do devices learn, and do they know what they see?",
    "Accuracy, confidence, novelty and drift, as distributions over devices.",
    (
        Drawn(
            "How often are devices right?",
            largest_by("fieldwise_device_accuracy_ratio_bucket", "le", FINITE),
            "percentunit",
            Form.HEATMAP,
            12,
            "Devices by test-then-train accuracy over their windows of labelled samples: the"
            " brighter, the more are between two lines.",
        ),
        Drawn(
            "How often is the worst tenth right?",
            quantiles("fieldwise_device_accuracy_ratio", 0.1, 0.5, 0.9),
            "percentunit",
            width=12,
            text="A tenth of the devices is right less often than p10.",
            most=1,
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
            text="How near the nearest detector of a device is to an alarm, which is at 100 %.",
            most=1,
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
            limit=Limit(0.25),
        ),
        Drawn(
            "How much have they learned?",
            (Asked(largest("fieldwise_device_learned_samples_gsum"), "samples"),),
        ),
        Drawn(
            "How long does a sample take?",
            quantiles("fieldwise_device_learning_seconds", 0.5, 0.9, 0.99),
            "s",
            width=6,
            text="From a taught image to its being learned; of each device the median.",
        ),
        Drawn(
            "How much waits to be learned?",
            quantiles("fieldwise_device_waiting_samples", 0.5, 0.9, 0.99),
            width=6,
            text="Recorded samples that a device has not come to yet.",
        ),
        Drawn(
            "How often is which cohort right?",
            largest_by("fieldwise_cohort_accuracy_ratio", "cohort"),
            "percentunit",
            width=6,
            most=1,
            text="Mean over devices, by the tag that the setting metrics_tag names.",
            empty="the setting metrics_tag names no tag",
        ),
        worst_devices(
            "Which devices are least often right?",
            "fieldwise_worst_device_accuracy_ratio",
            "percentunit",
            "right",
            6,
        ),
    ),
)
