"""What our own migration and admin change about django-q2."""

import pytest
from django.contrib import admin
from django.db import connection
from django.urls import NoReverseMatch, reverse

from ltxplatform import urls  # noqa: F401 - loads the screens

pytestmark = pytest.mark.django_db


def test_the_broker_s_question_has_an_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'django_q_ormq'")
        definitions = [row[0] for row in cursor.fetchall()]

    assert any(definition.endswith("(key, lock)") for definition in definitions)


@pytest.mark.parametrize("model", ["schedule", "success", "failure", "ormq"])
def test_the_queue_s_own_screens_do_not_exist(model: str) -> None:
    """A schedule calls any function it names: reaching its screen would be running code on the server."""
    assert not [registered for registered in admin.site._registry if registered._meta.app_label == "django_q"]
    with pytest.raises(NoReverseMatch):
        reverse(f"admin:django_q_{model}_changelist")
