"""Diagnoses over the device port and the operator port."""

import pytest

from fieldwise import identity
from fieldwise.diagnosis_messages import diagnosis_to
from fieldwise.errors import Fault, FieldwiseError
from fieldwise.status import client_errors
from fieldwise.v1alpha1 import device_pb2
from orchestrator.fleet.diagnosis import DiagnosisState
from tests.diagnoses import DIAGNOSIS
from tests.sites import Site


async def test_a_device_answers_for_itself_alone_and_in_the_form_that_diagnoses_have(
    site: Site, key: identity.PrivateKey
) -> None:
    certificate, other = await site.join(key), identity.generate_key()
    device = identity.identity_of(identity.load_pem_certificate(certificate)).device_id
    stranger = await site.join(other)
    report = device_pb2.CheckInRequest(
        incarnation=1, sequence=1, diagnosis_rule=device_pb2.DIAGNOSIS_RULE_ASK
    )
    given = device_pb2.DIAGNOSIS_STEP_GIVEN
    async with (
        site.device(key, certificate) as stub,
        site.device(other, stranger) as others,
        site.operator() as operator,
    ):
        asked = await operator.ask_diagnosis(device, 3600, again=False)
        heard = (await stub.CheckIn(report)).diagnosis
        assert (heard.id, heard.seconds) == (asked.id, 3600)
        answer = device_pb2.AnswerDiagnosisRequest(
            id=asked.id, step=given, diagnosis=diagnosis_to(DIAGNOSIS)
        )
        await others.AnswerDiagnosis(answer)
        assert not (await others.CheckIn(report)).HasField("diagnosis")
        (kept,) = await operator.list_diagnoses(device)
        assert (kept.state, kept.diagnosis) == (DiagnosisState.ASKED, None)
        for spoil in ("/etc/passwd", "red apple"):
            spoilt = device_pb2.AnswerDiagnosisRequest.FromString(answer.SerializeToString())
            spoilt.diagnosis.errors[0].frames[0].function = spoil
            with pytest.raises(FieldwiseError) as raised, client_errors():
                await stub.AnswerDiagnosis(spoilt)
            assert raised.value.fault is Fault.INVALID_ARGUMENT
        await stub.AnswerDiagnosis(answer)
        (kept,) = await operator.list_diagnoses(device)
        assert (kept.state, kept.diagnosis) == (DiagnosisState.GIVEN, DIAGNOSIS)
