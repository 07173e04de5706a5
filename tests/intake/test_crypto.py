"""Answers at rest: bound to their row, readable with every key of the ring, useless when touched."""

import uuid

import pytest
from django.test import override_settings

from intake import crypto
from intake.document import Document, decrypt, put
from intake.errors import IntakeError
from intake.models import QuestionnaireResponse

OLD, NEW = "o" * 43, "n" * 43
A, B = uuid.uuid4(), uuid.uuid4()


@pytest.fixture(autouse=True)
def one_key() -> object:
    with override_settings(ANSWER_KEYS={"old": OLD}):
        yield


def seal(owner: uuid.UUID = A) -> tuple[str, bytes]:
    return crypto.seal(b"low mood", label="answers", owner=owner)


def test_what_is_sealed_opens_again() -> None:
    key_id, sealed = seal()
    assert b"mood" not in sealed
    assert crypto.unseal(sealed, key_id=key_id, label="answers", owner=A) == b"low mood"


def test_the_same_text_never_looks_the_same_twice() -> None:
    assert seal()[1] != seal()[1]


def test_moved_to_another_row_it_does_not_open() -> None:
    key_id, sealed = seal()
    with pytest.raises(IntakeError, match="belong to another record"):
        crypto.unseal(sealed, key_id=key_id, label="answers", owner=B)


def test_taken_for_another_kind_of_thing_it_does_not_open() -> None:
    key_id, sealed = seal()
    with pytest.raises(IntakeError):
        crypto.unseal(sealed, key_id=key_id, label="photos", owner=A)


def test_not_one_byte_can_be_changed() -> None:
    key_id, sealed = seal()
    for at in range(len(sealed)):
        touched = bytearray(sealed)
        touched[at] ^= 1
        with pytest.raises(IntakeError):
            crypto.unseal(bytes(touched), key_id=key_id, label="answers", owner=A)
    with pytest.raises(IntakeError, match="damaged"):
        crypto.unseal(sealed[:10], key_id=key_id, label="answers", owner=A)


def test_the_newest_key_writes_and_all_of_them_read() -> None:
    key_id, sealed = seal()
    with override_settings(ANSWER_KEYS={"new": NEW, "old": OLD}):
        assert crypto.newest_key_id() == "new"
        assert crypto.unseal(sealed, key_id=key_id, label="answers", owner=A) == b"low mood"
        assert seal()[0] == "new"


def test_a_key_that_left_the_ring_is_named_as_the_reason() -> None:
    key_id, sealed = seal()
    with override_settings(ANSWER_KEYS={"new": NEW}), pytest.raises(IntakeError, match="not in ANSWER_KEYS"):
        crypto.unseal(sealed, key_id=key_id, label="answers", owner=A)


def test_another_key_under_the_same_name_opens_nothing() -> None:
    key_id, sealed = seal()
    with override_settings(ANSWER_KEYS={"old": NEW}), pytest.raises(IntakeError):
        crypto.unseal(sealed, key_id=key_id, label="answers", owner=A)


def test_one_patients_document_in_anothers_row_does_not_open(draft: QuestionnaireResponse) -> None:
    put(draft, Document(answers={"phq2_1": "LA6571-9"}))
    other = QuestionnaireResponse(key_id=draft.key_id, document=draft.document)
    assert decrypt(draft).answers == {"phq2_1": "LA6571-9"}
    with pytest.raises(IntakeError):
        decrypt(other)
