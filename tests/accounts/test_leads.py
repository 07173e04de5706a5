"""There is always somebody who leads the clinic."""

import threading
from datetime import UTC, datetime
from functools import partial

import pytest
from django.db import connections

from accounts.actions import AccountError, change_role, end_access
from accounts.models import Role, User
from audit.actor import Actor

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


@pytest.mark.django_db(transaction=True)
def test_two_leads_who_end_each_others_access_at_once_leave_one() -> None:
    one, two = (User.objects.create_user(f"{name}@tn.example", None, name=name, role=Role.LEAD) for name in ("one", "two"))
    gate, refused = threading.Barrier(2), []

    def end(user: User, by: User) -> None:
        try:
            gate.wait()
            end_access(user, by=Actor.staff(by), now=NOW)
        except AccountError as refusal:
            refused.append(str(refusal))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=end, args=pair) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert User.objects.filter(role=Role.LEAD, is_active=True).count() == 1
    assert refused == ["This is the only clinic lead. Create another one first."]


@pytest.mark.django_db
def test_neither_a_lead_whose_access_ended_nor_anybody_else_makes_the_last_one_two() -> None:
    last, left, desk = (
        User.objects.create_user(f"{name}@tn.example", None, name=name, role=role)
        for name, role in (("one", Role.LEAD), ("two", Role.LEAD), ("three", Role.RECEPTION))
    )
    end_access(left, by=Actor.staff(last), now=NOW)
    for verb in (end_access, partial(change_role, role=Role.PHYSICIAN)):
        with pytest.raises(AccountError, match="only clinic lead"):
            verb(last, by=Actor.system(), now=NOW)
    with pytest.raises(AccountError, match="your own access"):
        end_access(desk, by=Actor.staff(desk), now=NOW)
