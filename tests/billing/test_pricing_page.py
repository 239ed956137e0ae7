"""The price page: the seed's table, the exact default, and a calculator that agrees with what is charged."""

import pytest
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


def page(**asked: object) -> tuple[int, str]:
    answer = Client().get(reverse("billing:pricing"), asked)
    return answer.status_code, answer.content.decode()


@pytest.mark.parametrize(
    ("length", "base", "detail"),
    [(5, "$0.10", "$0.20"), (10, "$0.20", "$0.40"), (30, "$0.60", "$1.20"), (50, "$1.00", "$2.00")],
)
def test_the_table_shows_what_each_length_costs(length: int, base: str, detail: str) -> None:
    _, html = page()
    row = html.split(f">{length} s</th>")[1].split("</tr>")[0]
    assert f">{base}</data>" in row
    assert f">{detail}</data>" in row


def test_the_default_clip_is_shown_exactly_rounded_up_and_in_cents() -> None:
    _, html = page()
    assert "5.0417 seconds and $0.100834, shown as $0.1009" in html
    assert "it is $0.10; the exact amount" in html


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"length": 121, "unit": "frames"}, "$0.1009"),
        ({"length": 121, "unit": "frames", "detail": "on"}, "$0.2017"),
        ({"length": 5, "unit": "seconds"}, "$0.10"),
        ({"length": "0.38", "unit": "seconds"}, "$0.0084"),
        ({"length": "60.04", "unit": "seconds"}, "$1.2009"),
    ],
)
def test_the_calculator_answers(asked: dict[str, object], shown: str) -> None:
    status, html = page(**asked)
    assert status == 200
    assert f">{shown}</data></p>" in html.split('id="answer"')[1]


@pytest.mark.parametrize(
    "asked",
    [
        {"length": 1442, "unit": "frames"},
        {"length": 61, "unit": "seconds"},
        {"length": 0, "unit": "frames"},
        {"length": "1e999999", "unit": "seconds"},
        {"length": "NaN", "unit": "frames"},
        {"length": 9, "unit": "hours"},
        {"length": "", "unit": "frames"},
    ],
)
def test_the_calculator_refuses_what_is_no_clip(asked: dict[str, object]) -> None:
    status, html = page(**asked)
    assert status == 422
    assert "figure" not in html.split('id="answer"')[1]


def test_htmx_gets_the_answer_alone() -> None:
    answer = Client().get(
        reverse("billing:pricing"), {"length": 240, "unit": "frames"}, headers={"HX-Request": "true"}
    )
    html = answer.content.decode()
    assert html.strip().startswith('<div id="answer"')
    assert "<html" not in html
    assert "HX-Request" in answer["Vary"]
