"""Do devices make one another better, and does anybody pay for it?"""

from tools.dashboards.panels import (
    JOB,
    Asked,
    Board,
    Choice,
    Drawn,
    Form,
    Limit,
    largest,
    largest_by,
)
from tools.dashboards.words import ANSWERS, OUTCOMES, ROUNDS

CAMPAIGN = 'campaign=~"$campaign"'
GAIN = "fieldwise_campaign_gain_ratio"
WITHIN = largest(f"{GAIN}_bucket", "le, campaign", CAMPAIGN)
FAILURES = f"fieldwise_aggregator_failures_total{{{JOB}}}"


def gained(share: float, name: str) -> Asked:
    """What that share of the devices gained at most."""
    return Asked(f"histogram_quantile({share}, sum by (le) ({WITHIN}))", name)


FEDERATION = Board(
    "federation",
    "fieldwise · Do devices make one another better, and does anybody pay for it?",
    "Campaigns: who takes part, what rounds come to, and what heads do to accuracy.",
    (
        Drawn(
            "Which campaigns are there?",
            (
                Asked(
                    largest("fieldwise_campaign_info", "campaign, backbone, strategy, level, phase")
                ),
            ),
            form=Form.TABLE,
            width=16,
            text="The ten newest that run or offer a head.",
            columns={
                "campaign": "campaign",
                "backbone": "backbone",
                "strategy": "strategy",
                "level": "what owners agree to",
                "phase": "phase",
            },
            empty="no campaign",
        ),
        Drawn(
            "Which head is offered?",
            largest_by("fieldwise_campaign_head_version", "campaign", CAMPAIGN),
            form=Form.NUMBER,
            width=4,
            empty="no campaign",
        ),
        Drawn(
            "How old is the last round?",
            (
                Asked(
                    "time() - "
                    + largest(
                        "fieldwise_campaign_round_start_timestamp_seconds", "campaign", CAMPAIGN
                    ),
                    "{{campaign}}",
                ),
            ),
            "s",
            Form.NUMBER,
            4,
            empty="no round yet",
        ),
        Drawn(
            "What did devices gain by the head?",
            (gained(0.1, "p10"), gained(0.5, "p50"), gained(0.9, "p90")),
            "percentunit",
            width=12,
            text="Accuracy on held-out samples, with the blend and without, adopted or not; a"
            " device that would lose stays as it is.",
            empty="no device has compared",
        ),
        Drawn(
            "What did devices make of it?",
            (
                Asked(
                    "sum by (outcome) ("
                    + largest("fieldwise_campaign_head_devices", "campaign, outcome", CAMPAIGN)
                    + ") > 0",
                    "{{outcome}}",
                ),
            ),
            form=Form.STACKED,
            width=12,
            colours=OUTCOMES,
            empty="no device has judged it",
        ),
        Drawn(
            "Who answers the newest round?",
            (
                Asked(
                    "sum by (answer) ("
                    + largest("fieldwise_campaign_round_devices", "campaign, answer", CAMPAIGN)
                    + ")",
                    "{{answer}}",
                ),
            ),
            width=6,
            colours=ANSWERS,
            text="Devices; unchanged ones have nothing new, and those that declined have too little"
            " that may leave, or do not agree.",
        ),
        Drawn(
            "How do rounds end?",
            (
                Asked(
                    "sum by (outcome) ("
                    + largest("fieldwise_campaign_rounds", "campaign, outcome", CAMPAIGN)
                    + ")",
                    "{{outcome}}",
                ),
            ),
            width=6,
            colours=ROUNDS,
            shows_zeros=True,
            text="Since the start of each campaign; missed ones block nothing, and in unchanged"
            " ones too few devices had anything new.",
        ),
        Drawn(
            "What does a round weigh?",
            (
                Asked(
                    largest("fieldwise_campaign_round_bytes", "campaign", CAMPAIGN),
                    "updates, {{campaign}}",
                ),
                Asked(
                    largest("fieldwise_campaign_head_bytes", "campaign", CAMPAIGN),
                    "head, {{campaign}}",
                ),
            ),
            "bytes",
            width=6,
            text="Of all updates of the newest round together, and of the head that each fetches.",
        ),
        Drawn(
            "Do aggregators run?",
            (Asked(f"sum (increase({FAILURES}[1h]))", "failures in an hour"),),
            width=6,
            limit=Limit(5),
            shows_zeros=True,
            text="Times that one ended while its campaign ran, or could not be started.",
        ),
    ),
    (Choice("campaign", f"label_values(fieldwise_campaign_info{{{JOB}}}, campaign)", r"^c\d+$"),),
)
