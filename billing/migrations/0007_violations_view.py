"""A view of everything that is wrong with the books: empty, or somebody wrote past the walls."""

from django.db import migrations

INSTALL = """
CREATE VIEW billing_violations (invariant, subject, detail) AS

SELECT 'transaction_balances', 'transaction ' || t.id || ' (' || t.key || ')',
    'It has ' || count(e.id) || ' entries that sum to ' || coalesce(sum(e.amount), 0)
        || ' µ$. A transaction needs two or more that sum to zero.'
FROM billing_transaction AS t LEFT JOIN billing_entry AS e ON e.transaction_id = t.id
GROUP BY t.id HAVING count(e.id) < 2 OR sum(e.amount) <> 0

UNION ALL
SELECT 'books_sum_to_zero', 'all entries',
    'Together they sum to ' || sum(amount) || ' µ$ instead of zero.'
FROM billing_entry HAVING sum(amount) <> 0

UNION ALL
SELECT 'one_team_per_transaction', 'entry ' || e.id,
    'It moves credit of a team that its transaction ' || t.id || ' (' || t.key || ') is not about.'
FROM billing_entry AS e
JOIN billing_transaction AS t ON t.id = e.transaction_id
JOIN billing_account AS a ON a.id = e.account_id
WHERE a.team_id IS NOT NULL AND a.team_id IS DISTINCT FROM t.team_id

UNION ALL
SELECT 'balance_is_sum_of_entries', 'account ' || a.id || ' (' || a.kind || ' of team ' || a.team_id || ')',
    'It says ' || a.balance || ' µ$ after ' || a.version || ' entries, but it has ' || count(e.id)
        || ' entries that sum to ' || coalesce(sum(e.amount), 0) || ' µ$.'
FROM billing_account AS a LEFT JOIN billing_entry AS e ON e.account_id = a.id
WHERE a.materialised
GROUP BY a.id HAVING a.balance <> coalesce(sum(e.amount), 0) OR a.version <> count(e.id)

UNION ALL
SELECT 'entries_continue', 'entry ' || step.id || ' (account ' || step.account_id || ')',
    'It is number ' || coalesce(step.version::text, 'none') || ' and leaves '
        || coalesce(step.balance_after::text, 'nothing said') || ', but number ' || step.place || ' with '
        || (step.before + step.amount) || ' µ$ comes here.'
FROM (
    SELECT e.id, e.account_id, e.version, e.amount, e.balance_after,
        row_number() OVER chain AS place, lag(e.balance_after, 1, 0::bigint) OVER chain AS before
    FROM billing_entry AS e JOIN billing_account AS a ON a.id = e.account_id
    WHERE a.materialised
    WINDOW chain AS (PARTITION BY e.account_id ORDER BY e.version)
) AS step
WHERE step.version IS DISTINCT FROM step.place
    OR step.balance_after IS DISTINCT FROM step.before + step.amount

UNION ALL
SELECT 'wallet_not_overdrawn', 'account ' || id || ' (' || kind || ' of team ' || team_id || ')',
    'It stands at ' || balance || ' µ$, below its floor of ' || floor || ' µ$.'
FROM billing_account WHERE materialised AND balance < floor

UNION ALL
SELECT 'held_is_open_holds', 'team ' || coalesce(wallet.team_id, open_holds.team_id),
    'Its held account has ' || coalesce(wallet.balance, 0) || ' µ$, but its open holds need '
        || coalesce(open_holds.total, 0) || ' µ$.'
FROM (SELECT team_id, balance FROM billing_account WHERE kind = 'held') AS wallet
FULL JOIN (
    SELECT team_id, sum(amount) AS total FROM billing_hold WHERE state = 'open' GROUP BY team_id
) AS open_holds ON open_holds.team_id = wallet.team_id
WHERE coalesce(wallet.balance, 0) <> coalesce(open_holds.total, 0)

UNION ALL
SELECT 'hold_matches_transactions', 'hold ' || h.id || ' (' || h.state || ')',
    'It holds ' || h.amount || ', captured ' || h.captured || ' and released ' || h.released
        || ' µ$, but its transactions held ' || coalesce(posted.held, 0) || ', captured '
        || coalesce(posted.captured, 0) || ' and released ' || coalesce(posted.released, 0)
        || ' µ$ and settled it ' || coalesce(posted.settlements, 0) || ' times.'
FROM billing_hold AS h
LEFT JOIN (
    SELECT t.hold_id,
        count(DISTINCT t.id) FILTER (WHERE t.kind = 'hold') AS holds,
        count(DISTINCT t.id) FILTER (WHERE t.kind <> 'hold') AS settlements,
        sum(e.amount) FILTER (WHERE t.kind = 'hold' AND a.kind = 'held') AS held,
        sum(e.amount) FILTER (WHERE t.kind <> 'hold' AND a.kind = 'revenue') AS captured,
        sum(e.amount) FILTER (WHERE t.kind <> 'hold' AND a.kind = 'available') AS released
    FROM billing_transaction AS t
    JOIN billing_entry AS e ON e.transaction_id = t.id
    JOIN billing_account AS a ON a.id = e.account_id
    WHERE t.kind IN ('hold', 'capture', 'partial_capture', 'release')
    GROUP BY t.hold_id
) AS posted ON posted.hold_id = h.id
WHERE coalesce(posted.holds, 0) <> 1
    OR coalesce(posted.settlements, 0) <> CASE WHEN h.state = 'settled' THEN 1 ELSE 0 END
    OR coalesce(posted.held, 0) <> h.amount
    OR coalesce(posted.captured, 0) <> h.captured
    OR coalesce(posted.released, 0) <> h.released

UNION ALL
SELECT 'hold_matches_transactions', 'transaction ' || t.id || ' (' || t.key || ')',
    'It moves held credit without naming a hold.'
FROM billing_transaction AS t
WHERE t.hold_id IS NULL AND t.kind IN ('hold', 'capture', 'partial_capture', 'release');
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0006_ledger_functions")]

    operations = [migrations.RunSQL(INSTALL, "DROP VIEW billing_violations")]
