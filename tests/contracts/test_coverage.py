"""Every service, task module and command has tests of its own, or says where else it is tested."""

from pathlib import Path

import pytest

from tests.support.programs import ROOT

APPS = ("accounts", "billing", "generations", "ltxplatform")
TESTS = ROOT / "tests"

# Module -> the test file that holds it to its behaviour, and a word in that file that shows it.
TESTED_IN: dict[str, tuple[str, str]] = {
    "accounts/services/teams.py": ("accounts/test_teams.py", "create_team"),
    "ltxplatform/data_rights/tasks.py": ("ltxplatform/data_rights/test_exports.py", "tasks.export_step"),
    "ltxplatform/data_rights/services/content.py": ("ltxplatform/data_rights/test_exports.py", "recipe.json"),
    "billing/services/closing.py": ("ltxplatform/data_rights/test_deletions.py", "forfeited"),
    "generations/services/erasure.py": ("ltxplatform/data_rights/test_deletions.py", "setattr(erasure"),
    "ltxplatform/data_rights/services/erasing.py": (
        "ltxplatform/data_rights/test_deletions.py",
        "deletion_step",
    ),
    "ltxplatform/data_rights/services/archive.py": ("ltxplatform/data_rights/test_exports.py", "testzip"),
    "accounts/tasks.py": ("accounts/test_staff_sessions.py", "tasks.end_staff_sessions"),
    "accounts/services/notification_mail.py": ("accounts/test_notifications.py", "List-Unsubscribe"),
    "accounts/services/sign_in_news.py": ("accounts/test_new_browsers.py", "New sign-in"),
    "billing/services/staff_labels.py": ("billing/test_money_in_the_audit_log.py", "Sam Staff, staff"),
    **{
        f"ltxplatform/data_rights/management/commands/{name}.py": (
            "ltxplatform/data_rights/test_commands.py",
            f'"{name}"',
        )
        for name in ("export_team", "delete_team", "delete_account")
    },
    "accounts/services/people.py": ("accounts/test_settings_pages.py", "accounts:profile"),
    "accounts/management/commands/remove_factors.py": (
        "accounts/test_team_second_factor.py",
        '"remove_factors"',
    ),
    "accounts/services/second_factors.py": ("accounts/test_team_second_factor.py", "require_second_factor"),
    "accounts/services/sessions.py": ("accounts/test_security_page.py", "accounts:session_end"),
    "accounts/services/sign_in_events.py": ("accounts/test_security_page.py", "Sign-in failed"),
    "accounts/services/accepting.py": ("accounts/test_invitations.py", "test_nobody_gets_in_by"),
    "accounts/services/invitation_mail.py": ("accounts/test_invitations.py", "tasks.send_invitation"),
    "accounts/management/commands/api_key.py": ("accounts/test_api_keys.py", '"api_key"'),
    "billing/management/commands/billing_adjust.py": ("billing/test_adjustments.py", '"billing_adjust"'),
    "billing/management/commands/billing_statement.py": ("billing/test_statements.py", '"billing_statement"'),
    "billing/services/allowances.py": ("billing/test_budget_pages.py", "allowance_of"),
    "billing/services/limit_changes.py": ("billing/test_budget_pages.py", "limit_remove"),
    "billing/services/people.py": ("billing/test_statement_pages.py", "who.person"),
    "billing/services/raise_mail.py": ("billing/test_budget_pages.py", "raise_mail.untold"),
    "billing/services/raise_requests.py": ("billing/test_budget_pages.py", "request_approve"),
    "billing/services/statement_words.py": (
        "billing/test_statement_pages.py",
        "Clip delivered, the rest returned",
    ),
    "billing/services/customers.py": ("billing/stripe/test_recharge.py", "customer_gone"),
    "billing/services/declines.py": ("billing/stripe/test_recharge.py", "test_a_decline_rests_for_an_hour"),
    "billing/services/notice_words.py": ("billing/stripe/test_notices.py", "notice_words"),
    "billing/services/purchase_pages.py": ("billing/stripe/test_checkout.py", "buyer.home"),
    "billing/services/stripe_events.py": ("billing/stripe/test_stripe_receipts.py", "work_on"),
    "billing/services/stripe_sweep.py": ("billing/stripe/test_following.py", "stripe_sweep"),
    "billing/tasks.py": ("billing/stripe/test_following.py", "tasks.follow_purchase"),
    "generations/services/cost_comparison.py": ("generations/test_costs.py", "compare_with_fal"),
    "ltxplatform/management/commands/billing_reconcile.py": (
        "billing/stripe/test_reconciliation.py",
        '"billing_reconcile"',
    ),
    "billing/services/refusals.py": ("billing/test_limits.py", "also_blocked_by"),
    "billing/management/commands/billing_grant.py": ("billing/test_grants.py", '"billing_grant"'),
    "billing/management/commands/billing_verify.py": ("billing/test_verification.py", '"billing_verify"'),
    "billing/services/balances.py": ("billing/test_holds.py", "balance_of"),
    "generations/management/commands/eta_error.py": ("generations/test_eta.py", '"eta_error"'),
    "generations/management/commands/poll.py": ("faults/test_kills.py", "poller"),
    "generations/services/batch_orders.py": ("generations/test_batches.py", "order_batch"),
    "generations/services/cancellation.py": ("generations/test_completion.py", "cancel_generation"),
    "generations/services/eta_error.py": ("generations/test_eta.py", "eta_errors"),
    "generations/services/pictures_at_fal.py": ("generations/test_dispatch.py", "fal_url"),
    "generations/services/frames.py": ("generations/test_derived.py", "picture_from_clip"),
    "generations/services/polling.py": ("generations/test_completion.py", "poll_once"),
    "generations/services/receipts.py": ("generations/test_flow.py", "receipts"),
    "generations/services/breaker_mail.py": ("generations/test_breaker.py", "tell_operators"),
    "generations/services/recovery.py": ("generations/test_dispatch.py", "recover_dispatch"),
    "generations/services/sweep.py": ("generations/test_dispatch.py", "enqueue_due"),
}


def modules_to_test() -> list[Path]:
    found: list[Path] = []
    for app in APPS:
        folder = ROOT / app
        found += folder.rglob("management/commands/*.py")
        found += (path for name in ("services", "tasks") for path in folder.rglob(f"{name}.py"))
        found += folder.rglob("services/*.py")
    return [path.relative_to(ROOT) for path in sorted(found) if path.name != "__init__.py"]


@pytest.mark.parametrize("module", modules_to_test(), ids=str)
def test_a_module_has_tests(module: Path) -> None:
    elsewhere = TESTED_IN.get(str(module))
    if elsewhere is not None:
        file, word = elsewhere
        assert word in (TESTS / file).read_text()
        return
    names = {f"test_{module.stem}.py", f"test_{module.stem}_command.py"}
    assert any(path.name in names for path in TESTS.rglob("test_*.py")), f"no test module for {module}"


def test_exemptions_name_modules_that_exist() -> None:
    assert {Path(name) for name in TESTED_IN} <= set(modules_to_test())
