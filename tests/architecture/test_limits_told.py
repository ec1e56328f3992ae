"""docs/limits.md says the limits that the code has."""

from pathlib import Path

import pytest

from agent.learning.trial import REPLY_BYTES_MAX, TrialLimits
from fieldwise import bundle, calls, channel, class_name, graph, images, settings, skim
from orchestrator import metrics_http, rates
from orchestrator.cli import plan_file
from orchestrator.config import OrchestratorSettings
from orchestrator.rpc import health, server, throttling

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "limits.md").read_text().split())
KIB, MIB, GIB = 1024, 1024**2, 1024**3
USUAL, TRIAL = OrchestratorSettings(), TrialLimits()
OPERATORS = sorted(graph.OPERATORS)


def per_second(rate: rates.Rate) -> str:
    if rate.per_second >= 1:
        return f"{rate.burst:,} at once, {rate.per_second:g} a second"
    return f"{rate.burst:,} at once, one in {1 / rate.per_second:g} s"


CLAIMS = (
    (
        f"{rates.CHECK_IN_BURST} at once, `device_check_ins_per_second` "
        f"({USUAL.device_check_ins_per_second:g}) over time"
    ),
    f"metadata | {per_second(rates.DEVICE_RATES['Download'])}",
    f"diagnosis | {per_second(rates.DEVICE_RATES['AnswerDiagnosis'])}",
    f"tasks of rounds | {per_second(rates.DEVICE_RATES['FetchTask'])}",
    f"updates for rounds | {per_second(rates.DEVICE_RATES['SubmitUpdate'])}",
    f"renewals | {rates.DEVICE_RATES['Renew'].burst} at once, one a minute",
    f"calls under way | {throttling.CALLS_PER_DEVICE},",
    f"{per_second(throttling.ADDRESS_RATE)}; {throttling.STRANGERS_PER_ADDRESS} under way",
    f"{per_second(throttling.EVERYBODY_RATE)}; {throttling.STRANGERS_MAX} under way",
    f"that are wrong | {per_second(throttling.WRONG_TOKENS)}",
    f"{throttling.WRONG_TOKENS_OF_ALL.burst} wrong tokens at once",
    f"({rates.KEYS_MAX:,} callers of each kind",
    f"once its headers are | {calls.REQUEST_SECONDS:g} s",
    f"stream of requests is there | {calls.PIECE_SECONDS:g} s",
    f"one response of a stream | {calls.RESPONSE_SECONDS:g} s",
    f"`connections_max` ({USUAL.connections_max:,})",
    f"at least {server.OPERATORS_MIN}",
    f"one connection | {channel.ServerLimits().streams_max}",
    f"words of HTTP/2 | {channel.HANDSHAKE_SECONDS} s",
    f"without a call under way | {channel.IDLE_SECONDS // 60} minutes",
    (
        f"{channel.METADATA_BYTES_MAX // KIB} KiB on the device port, "
        f"{server.OPERATOR_METADATA_BYTES // KIB} KiB on the operator port"
    ),
    f"{metrics_http.CONNECTIONS_MAX} connections, {metrics_http.CALL_SECONDS} s each",
    (
        f"{health.LIMITS.connections_max} connections, {health.CALLS_MAX} calls, "
        f"{health.WATCHERS_MAX} who watch"
    ),
    f"the manifest | {bundle.MANIFEST_BYTES_MAX // KIB} KiB",
    (
        f"a graph | {bundle.GRAPH_BYTES_MAX // MIB} MiB, of which "
        f"{graph.STRUCTURE_BYTES_MAX // MIB} MiB are no weights, {graph.NODES_MAX:,} operators, "
        f"{skim.FIELDS_MAX:,} parts, {graph.RANK_MAX} dimensions"
    ),
    f"on a list of {len(OPERATORS)}",
    f"operator sets but {graph.OPSET_MIN} to {graph.OPSET_MAX}",
    f"a map | {bundle.TENSORS_BYTES_MAX // MIB} MiB",
    f"golden samples | {bundle.GOLDEN_BYTES_MAX // MIB} MiB",
    f"a class name | {class_name.CHARACTERS_MAX} characters",
    (
        f"{TRIAL.memory_bytes // GIB} GiB of address space, {TRIAL.cpu_seconds} s of "
        f"the processor, {TRIAL.wall_seconds:g} s in all"
    ),
    f"{TRIAL.files} open files",
    f"methods that are not there | {per_second(rates.OTHERWISE)}",
    f"the agent holds {2 * REPLY_BYTES_MAX // KIB} KiB",
    f"settings | {settings.FILE_BYTES_MAX // KIB} KiB",
    (
        f"a plan | {plan_file.BYTES_MAX // KIB} KiB of YAML, {plan_file.ENTRIES_MAX:,} entries, "
        f"{plan_file.DEPTH_MAX} levels"
    ),
    (
        f"an image | {images.Limits().bytes_max // MIB} MiB, "
        f"{images.Limits().pixels_max // 10**6} megapixels"
    ),
)


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_page_says_what_the_code_does(claim: str) -> None:
    assert claim in PAGE
