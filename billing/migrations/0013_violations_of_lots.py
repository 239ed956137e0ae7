"""The view of everything that is wrong with the books, now with lots."""

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
    SELECT team_id, 'available' AS kind, sum(remaining) AS total FROM billing_lot GROUP BY team_id
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

INSTALL = "DROP VIEW billing_violations;" + before.INSTALL.rstrip().rstrip(";") + "\nUNION ALL" + LOTS


class Migration(migrations.Migration):
    dependencies = [("billing", "0012_lots_for_present_credit")]

    operations = [migrations.RunSQL(INSTALL, "DROP VIEW billing_violations;" + before.INSTALL)]
