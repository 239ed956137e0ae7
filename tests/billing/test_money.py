"""How amounts are written and read."""

import pytest

from billing.money import (
    MICROS,
    as_decimal_string,
    format_balance,
    format_cost,
    format_exact,
    parse_dollars,
)


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (0, "$0.00"),
        (1, "$0.0001"),
        (7_500, "$0.0075"),
        (100_000, "$0.10"),
        (100_834, "$0.1009"),
        (105_000, "$0.105"),
        (200_000, "$0.20"),
        (999_999, "$1.00"),
        (1_200_834_000, "$1,200.834"),
    ],
)
def test_costs_round_up_to_four_decimals(micros, shown):
    assert format_cost(micros) == shown


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (0, "$0.00"),
        (9_999, "$0.00"),
        (8_999_999, "$8.99"),
        (10_000_000, "$10.00"),
        (1_234_567_890, "$1,234.56"),
        (-1, "\u2212$0.01"),
    ],
)
def test_balances_round_down_to_cents(micros, shown):
    assert format_balance(micros) == shown


@pytest.mark.parametrize(
    ("micros", "shown"),
    [
        (100_834, "$0.100834"),
        (200_000, "$0.20"),
        (7_500, "$0.0075"),
        (1, "$0.000001"),
        (-1, "\u2212$0.000001"),
    ],
)
def test_exact_amounts_lose_no_digit(micros, shown):
    assert format_exact(micros) == shown


def test_no_amount_is_a_dash():
    assert {format_cost(None), format_balance(None), format_exact(None)} == {"\u2013"}


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0.000000"), (100_834, "0.100834"), (12_000_000, "12.000000"), (-500, "-0.000500")],
)
def test_json_has_six_decimals(micros, text):
    assert as_decimal_string(micros) == text


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("10", 10 * MICROS),
        (" $2.50 ", 2_500_000),
        ("1,000.5", 1_000_500_000),
        ("0.100834", 100_834),
        ("0", 0),
    ],
)
def test_dollars_are_read_exactly(text, micros):
    assert parse_dollars(text) == micros


@pytest.mark.parametrize(
    "text", ["", "ten", "-1", "1e3", "0.1234567", "1,00", "NaN", "\u0661", "1 000", "1.", ".5", "9" * 10]
)
def test_anything_else_is_no_amount(text):
    with pytest.raises(ValueError, match="is not an amount of dollars"):
        parse_dollars(text)
