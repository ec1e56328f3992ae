"""Between what is known of a device's ledger and the operator API's messages, total both ways."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from fieldwise.v1alpha1 import operator_pb2
from orchestrator.fleet.ledger import Finding, LedgerRecord, Mark, Rewriting
from orchestrator.rpc.translate import head_from, head_to, word_from, words

REWRITINGS = words(Rewriting, operator_pb2.LedgerRewriting, "LEDGER_REWRITING")


def ledger_from(message: operator_pb2.FleetLedger) -> LedgerRecord:
    return LedgerRecord(
        newest=_mark_from(message.newest) if message.HasField("newest") else None,
        is_told=message.told,
        marks=tuple(_mark_from(each) for each in message.marks),
        rewritings=message.rewritings,
        finding=_finding_from(message.finding) if message.HasField("finding") else None,
    )


def ledger_to(ledger: LedgerRecord) -> operator_pb2.FleetLedger:
    return operator_pb2.FleetLedger(
        newest=_mark_to(ledger.newest) if ledger.newest else None,
        told=ledger.is_told,
        marks=[_mark_to(each) for each in ledger.marks],
        rewritings=ledger.rewritings,
        finding=_finding_to(ledger.finding) if ledger.finding else None,
    )


def _mark_from(message: operator_pb2.LedgerMark) -> Mark:
    return Mark(head_from(message.head), _seconds_of(message.tell_time))


def _mark_to(mark: Mark) -> operator_pb2.LedgerMark:
    return operator_pb2.LedgerMark(head=head_to(mark.head), tell_time=_timestamp(mark.told_at))


def _finding_from(message: operator_pb2.LedgerFinding) -> Finding:
    return Finding(
        word_from(REWRITINGS, message.how, "rewriting of a ledger"),
        _seconds_of(message.time),
        head_from(message.before),
        head_from(message.after),
    )


def _finding_to(finding: Finding) -> operator_pb2.LedgerFinding:
    return operator_pb2.LedgerFinding(
        how=REWRITINGS[finding.how],
        time=_timestamp(finding.at),
        before=head_to(finding.before),
        after=head_to(finding.after),
    )


def _timestamp(seconds: float) -> Timestamp:
    message = Timestamp()
    message.FromDatetime(datetime.fromtimestamp(seconds, UTC))
    return message


def _seconds_of(message: Timestamp) -> float:
    return message.ToDatetime(tzinfo=UTC).timestamp()
