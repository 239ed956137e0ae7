"""The ways of breaking money that were tried elsewhere, and which of our tests stops each."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class InFunction:
    """A change of a database function, as the migrations left it."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class InFile:
    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """What is broken, how, and the test that must fail."""

    name: str
    test: str
    changes: tuple[InFunction | InFile, ...]


RACES: Final = "tests/concurrency/test_money.py"
HOLDS: Final = "tests/billing/test_holds.py"
LIMITS: Final = "tests/billing/test_limits.py"
CREDITING: Final = "tests/billing/stripe/test_crediting.py"
RECEIPTS: Final = "tests/billing/stripe/test_stripe_receipts.py"
PRICES: Final = "tests/billing/test_pricing.py"
_COUNT: Final = "PERFORM billing_count_hold(hold, p_member, p_key, p_project, p_now);"
_COUNTED_LATER: Final = """
    from django.db import connection, transaction as later

    def count() -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT billing_count_hold(h, %s, %s, %s, %s) FROM billing_hold AS h WHERE h.id = %s AND h.has_budgets",
                [actor.user and actor.user.pk, actor.key and actor.key.pk, project_id, now, answer.hold.pk],
            )

    later.on_commit(count)
    return answer.hold


def check_holds("""

MUTANTS: Final = (
    Mutant(
        "the wallet is not locked",
        f"{RACES}::test_twenty_racers_share_credit_for_six",
        (InFunction("billing_hold_credits", "FOR NO KEY UPDATE", ""),),
    ),
    Mutant(
        "the balance is read before the lock",
        f"{RACES}::test_twenty_racers_share_credit_for_six",
        (
            InFunction(
                "billing_hold_credits",
                "FOR NO KEY UPDATE;",
                "; PERFORM 1 FROM billing_account AS a WHERE a.team_id = p_team AND a.kind = 'available' "
                "FOR NO KEY UPDATE;",
            ),
        ),
    ),
    Mutant(
        "the balance is not checked",
        f"{HOLDS}::test_too_little_credit_is_refused_and_nothing_is_written",
        (
            InFunction("billing_hold_credits", "IF available < p_amount OR", "IF"),
            InFunction("billing_hold_credits", "CASE WHEN available < p_amount", "CASE WHEN false"),
        ),
    ),
    Mutant(
        "budgets do not refuse",
        f"{LIMITS}::test_a_limit_counts_what_is_held_and_what_was_spent",
        (InFunction("billing_blockers", "coalesce(b.held + b.spent, 0) + p_amount > l.cap", "false"),),
    ),
    Mutant(
        "budgets are counted in another transaction",
        f"{RACES}::test_twenty_racers_share_a_budget_for_six",
        (
            InFunction("billing_hold_credits", _COUNT, "NULL;"),
            InFile(
                "billing/services/holds.py", "    return answer.hold\n\n\ndef check_holds(", _COUNTED_LATER
            ),
        ),
    ),
    Mutant(
        "the key is looked up after the balance",
        f"{HOLDS}::test_repeating_a_hold_returns_it_even_when_the_wallet_is_empty",
        (
            InFunction(
                "billing_hold_credits",
                "IF known_hash IS NOT NULL",
                "IF known_hash IS NOT NULL AND available >= p_amount",
            ),
        ),
    ),
    Mutant(
        "a repeated key's content is not compared",
        f"{HOLDS}::test_another_price_under_the_same_key_is_refused",
        (InFunction("billing_hold_credits", "IF known_hash = p_request_hash", "IF true"),),
    ),
    Mutant(
        "prices are rounded down",
        f"{PRICES}::test_price_list",
        (
            InFile(
                "billing/services/pricing.py",
                "-(-rate_nanos * num_frames * passes // (FRAMES_PER_BILLED_SECOND * NANOS_PER_MICRO))",
                "rate_nanos * num_frames * passes // (FRAMES_PER_BILLED_SECOND * NANOS_PER_MICRO)",
            ),
        ),
    ),
    Mutant(
        "each pass is rounded by itself",
        f"{PRICES}::test_price_list",
        (
            InFile(
                "billing/services/pricing.py",
                "-(-rate_nanos * num_frames * passes // (FRAMES_PER_BILLED_SECOND * NANOS_PER_MICRO))",
                "-(-rate_nanos * num_frames // (FRAMES_PER_BILLED_SECOND * NANOS_PER_MICRO)) * passes",
            ),
        ),
    ),
    Mutant(
        "the frame rate is a matter of price",
        "tests/generations/api/test_quotes.py::test_the_price_with_its_breakdown",
        (
            InFile(
                "generations/parameters.py",
                "return self.num_frames, self.enable_detail_pass",
                "return self.num_frames * 24 // self.frame_rate, self.enable_detail_pass",
            ),
        ),
    ),
    Mutant(
        "a settlement does not look whether there was one",
        f"{HOLDS}::test_settling_again_returns_the_first_result",
        (InFunction("billing_settle_hold", "IF hold.state <> 'open' OR p_used", "IF p_used"),),
    ),
    Mutant(
        "a release corrects the present period",
        f"{LIMITS}::test_settling_after_midnight_corrects_the_day_of_the_hold",
        (
            InFunction(
                "billing_settle_budgets",
                "b.id = h.budget_id",
                "b.id = (SELECT max(n.id) FROM billing_budget AS n WHERE n.limit_id = "
                "(SELECT o.limit_id FROM billing_budget AS o WHERE o.id = h.budget_id))",
            ),
        ),
    ),
    Mutant(
        "overdue credit burns",
        "tests/billing/test_lots.py::test_a_hold_never_burns_what_is_overdue",
        (InFunction("billing_hold_credits", "IF is_overdue THEN", "IF false THEN"),),
    ),
    Mutant(
        "overdue holds are released without asking the provider",
        "tests/generations/test_overdue.py::test_what_fal_renders_on_is_delivered_and_paid",
        (
            InFile(
                "generations/services/overdue.py",
                "        answer = _call_off(generation)\n",
                '        answer = "OK"\n',
            ),
        ),
    ),
    Mutant(
        "a completed checkout counts as paid",
        f"{CREDITING}::test_a_completed_page_is_not_a_payment",
        (
            InFile(
                "billing/services/crediting.py",
                "if session.is_paid and session.payment",
                "if session.payment",
            ),
            InFile(
                "billing/services/crediting.py",
                'elif found.status != "succeeded" or found.received != paid:',
                "elif False:",
            ),
        ),
    ),
    Mutant(
        "credit is keyed on the event",
        "tests/billing/stripe/test_following.py::test_coming_back_from_stripe_credits_at_once",
        (
            InFunction("billing_credit_purchase", "IF bought.state <> 'paid' THEN", "IF true THEN"),
            InFunction(
                "billing_credit_purchase",
                "format('purchase:%s:credit', p_purchase)",
                "format('event:%s:credit', clock_timestamp())",
            ),
        ),
    ),
    Mutant(
        "credit comes from what was paid",
        "tests/billing/stripe/test_checkout.py::test_tax_is_added_by_stripe_and_is_no_credit",
        (
            InFunction(
                "billing_credit_purchase", "'purchase', bought.credit,", "'purchase', p_gross_cents * 10000,"
            ),
        ),
    ),
    Mutant(
        "a receipt is done before it was acted on",
        f"{RECEIPTS}::test_a_failure_stays_on_the_receipt_and_is_tried_again",
        (
            InFile(
                "billing/services/stripe_receipts.py",
                "    try:\n        change = ",
                "    _done(receipt_id, now=clock())\n    try:\n        change = ",
            ),
        ),
    ),
    Mutant(
        "each refund takes back all refunds so far",
        "tests/billing/stripe/test_stripe_refunds.py::test_parts_add_up_to_the_share_of_all_of_them",
        (InFunction("billing_due_back", "- coalesce(sum(b.posted), 0)::bigint", ""),),
    ),
    Mutant(
        "cash that Stripe withdraws is a loss",
        "tests/billing/stripe/test_stripe_disputes.py::test_cash_that_stripe_takes_is_no_loss_yet",
        (
            InFile(
                "billing/services/stripe_disputes.py",
                "won=found.status in WON, now=now)",
                "won=found.status in WON and not found.withdrawn, now=now)",
            ),
            InFile(
                "billing/services/stripe_disputes.py",
                'if (found.status in WON or found.status == "lost")',
                'if (found.status in WON or found.status == "lost" or found.withdrawn)',
            ),
        ),
    ),
)
