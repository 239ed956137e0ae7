"""The view of everything that is wrong with the books, now with lots, purchases and debt."""

from importlib import import_module

from django.db import migrations

before = import_module("billing.migrations.0007_violations_view")

LOTS = """
SELECT 'rows_have_owners', 'entry ' || e.id, 'Its transaction or its account does not exist.'
FROM billing_entry AS e
WHERE NOT EXISTS (SELECT FROM billing_transaction WHERE id = e.transaction_id)
    OR NOT EXISTS (SELECT FROM billing_account WHERE id = e.account_id)

UNION ALL
SELECT 'rows_have_owners', 'transaction ' || t.id || ' (' || t.key || ')', 'Its team or its hold does not exist.'
FROM billing_transaction AS t
WHERE t.team_id IS NOT NULL AND NOT EXISTS (SELECT FROM accounts_team WHERE id = t.team_id)
    OR t.hold_id IS NOT NULL AND NOT EXISTS (SELECT FROM billing_hold WHERE id = t.hold_id AND team_id = t.team_id)

UNION ALL
SELECT 'lots_match_wallet', 'team ' || a.team_id,
    'Its ' || a.kind || ' account has ' || a.balance || ' µ$, but its lots have ' || coalesce(l.total, 0) || ' µ$.'
FROM billing_account AS a
LEFT JOIN (
    SELECT l.team_id, 'available' AS kind, sum(l.remaining) - coalesce((
            SELECT sum(d.amount - d.repaid - d.written_off) FROM billing_debt AS d WHERE d.team_id = l.team_id
        ), 0) AS total
        FROM billing_lot AS l GROUP BY l.team_id
    UNION ALL SELECT team_id, 'held', sum(held) FROM billing_lot GROUP BY team_id
    UNION ALL SELECT team_id, 'frozen', sum(frozen) FROM billing_lot GROUP BY team_id
) AS l ON l.team_id = a.team_id AND l.kind = a.kind
WHERE a.materialised AND a.balance <> coalesce(l.total, 0)

UNION ALL
SELECT 'lot_is_sum_of_moves', 'lot ' || l.id || ' (team ' || l.team_id || ')',
    'Its buckets or its count of ' || l.moves_count || ' do not follow from its moves.'
FROM billing_lot AS l
LEFT JOIN (
    SELECT lot_id, count(*) AS number, max(position) AS last,
        sum(amount) FILTER (WHERE source = 'granted') AS granted,
        sum(CASE 'remaining' WHEN target THEN amount WHEN source THEN -amount ELSE 0 END) AS remaining,
        sum(CASE 'held' WHEN target THEN amount WHEN source THEN -amount ELSE 0 END) AS held,
        sum(CASE 'frozen' WHEN target THEN amount WHEN source THEN -amount ELSE 0 END) AS frozen,
        sum(CASE 'spent' WHEN target THEN amount WHEN source THEN -amount ELSE 0 END) AS spent,
        sum(CASE 'expired' WHEN target THEN amount WHEN source THEN -amount ELSE 0 END) AS expired,
        sum(CASE 'reversed' WHEN target THEN amount WHEN source THEN -amount ELSE 0 END) AS reversed
    FROM billing_lotmove GROUP BY lot_id
) AS m ON m.lot_id = l.id
WHERE (m.number, m.last, m.granted, m.remaining, m.held, m.frozen, m.spent, m.expired, m.reversed)
    IS DISTINCT FROM (
        l.moves_count, l.moves_count, l.granted, l.remaining, l.held, l.frozen, l.spent, l.expired, l.reversed
    )

UNION ALL
SELECT 'hold_matches_lot_moves', 'hold ' || h.id || ' (' || h.state || ')',
    'It holds ' || h.amount || ' and captured ' || h.captured || ' µ$, but ' || coalesce(m.held, 0)
        || ' µ$ of lots were held, ' || coalesce(m.spent, 0) || ' spent and ' || coalesce(m.back, 0) || ' returned.'
FROM billing_hold AS h
LEFT JOIN (
    SELECT t.hold_id,
        sum(m.amount) FILTER (WHERE m.target = 'held') AS held,
        sum(m.amount) FILTER (WHERE m.source = 'held' AND m.target = 'spent') AS spent,
        sum(m.amount) FILTER (WHERE m.source = 'held' AND m.target <> 'spent') AS back
    FROM billing_transaction AS t JOIN billing_lotmove AS m ON m.transaction_id = t.id
    WHERE t.kind IN ('hold', 'capture', 'partial_capture', 'release')
    GROUP BY t.hold_id
) AS m ON m.hold_id = h.id
WHERE (coalesce(m.held, 0), coalesce(m.spent, 0), coalesce(m.back, 0))
    IS DISTINCT FROM (h.amount, h.captured, h.released)
"""

PURCHASES = """
SELECT 'debt_is_repaid_first', 'team ' || a.team_id,
    'Its floor is ' || a.floor || ' µ$, it owes ' || coalesce(d.owed, 0) || ' µ$ and has ' || coalesce(l.remaining, 0) || ' µ$ of lots.'
FROM billing_account AS a
LEFT JOIN (
    SELECT team_id, sum(amount - repaid - written_off) AS owed FROM billing_debt GROUP BY team_id
) AS d ON d.team_id = a.team_id
LEFT JOIN (SELECT team_id, sum(remaining) AS remaining FROM billing_lot GROUP BY team_id) AS l ON l.team_id = a.team_id
WHERE a.kind = 'available' AND (
    a.floor <> -coalesce(d.owed, 0) OR coalesce(d.owed, 0) > 0 AND coalesce(l.remaining, 0) > 0
)

UNION ALL
SELECT 'paid_purchase_is_credited', 'purchase ' || p.id,
    'It is ' || p.state || ' for ' || p.credit || ' µ$, but ' || coalesce(t.credits, 0) || ' transactions credited '
        || coalesce(t.credit, 0) || ' µ$.'
FROM billing_purchase AS p
LEFT JOIN (
    SELECT t.purchase_id, count(DISTINCT t.id) AS credits, sum(e.amount) AS credit
    FROM billing_transaction AS t
    JOIN billing_entry AS e ON e.transaction_id = t.id
    JOIN billing_account AS a ON a.id = e.account_id AND a.kind = 'available'
    WHERE t.kind = 'top_up' GROUP BY t.purchase_id
) AS t ON t.purchase_id = p.id
WHERE coalesce(t.credits, 0) <> CASE p.state WHEN 'paid' THEN 1 ELSE 0 END
    OR coalesce(t.credit, 0) <> CASE p.state WHEN 'paid' THEN p.credit ELSE 0 END

UNION ALL
SELECT 'taken_back_is_target', 'purchase ' || p.id,
    'Refunds and lost disputes of ' || b.cents || ' cents took ' || b.posted || ' µ$ of its ' || p.credit || ' µ$ back.'
FROM billing_purchase AS p
JOIN (
    SELECT purchase_id, sum(cents) AS cents, sum(posted) AS posted FROM (
        SELECT purchase_id, CASE state WHEN 'succeeded' THEN gross_cents ELSE 0 END AS cents, posted FROM billing_refund
        UNION ALL
        SELECT purchase_id, CASE state WHEN 'lost' THEN gross_cents ELSE 0 END, posted FROM billing_dispute
    ) AS each GROUP BY purchase_id
) AS b ON b.purchase_id = p.id
WHERE b.posted <> div(p.credit::numeric * b.cents, p.gross_cents)

UNION ALL
SELECT 'frozen_is_pending', 'team ' || a.team_id,
    'Its frozen account has ' || a.balance || ' µ$, but refunds and disputes wait for ' || coalesce(b.frozen, 0) || ' µ$.'
FROM billing_account AS a
LEFT JOIN (
    SELECT p.team_id, sum(each.frozen) AS frozen FROM (
        SELECT purchase_id, frozen FROM billing_refund UNION ALL SELECT purchase_id, frozen FROM billing_dispute
    ) AS each JOIN billing_purchase AS p ON p.id = each.purchase_id GROUP BY p.team_id
) AS b ON b.team_id = a.team_id
WHERE a.kind = 'frozen' AND a.balance <> coalesce(b.frozen, 0)

UNION ALL
SELECT 'closed_dispute_leaves_no_cash', 'dispute ' || d.id || ' (' || d.state || ')',
    'It is closed and its cash was withdrawn, but ' || sum(e.amount) || ' µ$ stay in disputes.'
FROM billing_dispute AS d
JOIN billing_transaction AS t ON t.key IN (
    format('dispute:%s:cash', d.id), format('dispute:%s:back', d.id), format('dispute:%s:lost', d.id)
)
JOIN billing_entry AS e ON e.transaction_id = t.id
JOIN billing_account AS a ON a.id = e.account_id AND a.kind = 'dispute_pending'
WHERE d.state = 'lost'
GROUP BY d.id HAVING sum(e.amount) <> 0 AND bool_or(t.kind = 'dispute_cash')

UNION ALL
SELECT 'provider_cost_is_posted', 'attempt ' || c.attempt,
    'The provider took ' || c.cost_nanos || ' n$, but ' || c.posted || ' µ$ are posted.'
FROM billing_providercharge AS c
WHERE c.posted <> (c.cost_nanos + 999) / 1000 OR c.posted <> coalesce((
    SELECT sum(e.amount) FROM generate_series(1, c.postings) AS number
    JOIN billing_transaction AS t ON t.key = format('attempt:%s:cost:%s', c.attempt, number)
    JOIN billing_entry AS e ON e.transaction_id = t.id
    JOIN billing_account AS a ON a.id = e.account_id AND a.kind = 'provider_funds'
), 0)
"""

BUDGETS = """
SELECT 'budget_is_its_holds', 'budget ' || b.id,
    'It has ' || b.held || ' held and ' || b.spent || ' spent, but its holds have ' || coalesce(h.held, 0) || ' and '
        || coalesce(h.spent, 0) || ' µ$.'
FROM billing_budget AS b
LEFT JOIN (
    SELECT hb.budget_id, sum(h.amount) FILTER (WHERE h.state = 'open') AS held,
        sum(h.captured) FILTER (WHERE NOT EXISTS (
            SELECT FROM billing_transaction AS t WHERE t.key = 'unsettle:' || h.id
        )) AS spent
    FROM billing_holdbudget AS hb JOIN billing_hold AS h ON h.id = hb.hold_id GROUP BY hb.budget_id
) AS h ON h.budget_id = b.id
WHERE b.held <> coalesce(h.held, 0) OR b.spent <> coalesce(h.spent, 0)
"""

INSTALL = (
    "DROP VIEW billing_violations;"
    # What returns to a disputed purchase is frozen: returned all the same.
    + before.INSTALL.rstrip()
    .rstrip(";")
    .replace("a.kind = 'available') AS released", "a.kind IN ('available', 'frozen')) AS released")
    + "\nUNION ALL"
    + LOTS
    + "\nUNION ALL"
    + PURCHASES
    + "\nUNION ALL"
    + BUDGETS
)


class Migration(migrations.Migration):
    dependencies = [("billing", "0019_lots_for_present_credit")]

    operations = [migrations.RunSQL(INSTALL, "DROP VIEW billing_violations;" + before.INSTALL)]
