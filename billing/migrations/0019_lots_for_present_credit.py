"""Credit from before there were lots: one lot for each team, with every move that its history implies."""

from django.db import migrations

FILL = """
-- Tables with checks that wait for the commit cannot be altered below.
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO billing_account (team_id, kind, materialised)
    SELECT team_id, 'frozen', true FROM billing_account WHERE kind = 'available';
INSERT INTO billing_account (kind, materialised)
    SELECT kind, false FROM unnest(ARRAY[
        'clearing', 'dispute_pending', 'provider_funds', 'bank', 'tax_payable', 'breakage', 'adjustment',
        'dispute_loss', 'stripe_fee', 'provider_cost'
    ]) AS kind;

-- The walls refuse moves of transactions that are history; here, that is what they are.
ALTER TABLE billing_lot DISABLE TRIGGER guarded;
ALTER TABLE billing_lotmove DISABLE TRIGGER applied;

INSERT INTO billing_lot (team_id, source, priority, granted, remaining, held, spent, moves_count)
    SELECT a.team_id, 'promo', 10, sum(e.amount) FILTER (WHERE t.kind = 'promo_grant'), a.balance,
        coalesce(h.held, 0), coalesce(h.spent, 0), 0
    FROM billing_account AS a
    JOIN billing_entry AS e ON e.account_id = a.id
    JOIN billing_transaction AS t ON t.id = e.transaction_id
    LEFT JOIN (
        SELECT team_id, sum(amount) FILTER (WHERE state = 'open') AS held, sum(captured) AS spent
        FROM billing_hold GROUP BY team_id
    ) AS h ON h.team_id = a.team_id
    WHERE a.kind = 'available'
    GROUP BY a.id, h.held, h.spent;

INSERT INTO billing_lotmove (transaction_id, lot_id, position, source, target, amount)
    SELECT past.id, l.id, row_number() OVER (PARTITION BY l.id ORDER BY past.id, past.target DESC),
        past.source, past.target, past.amount
    FROM (
        SELECT t.id, t.team_id, 'granted' AS source, 'remaining' AS target, e.amount
            FROM billing_transaction AS t JOIN billing_entry AS e ON e.transaction_id = t.id AND e.amount > 0
            WHERE t.kind = 'promo_grant'
        UNION ALL
        SELECT t.id, t.team_id, 'remaining', 'held', h.amount
            FROM billing_transaction AS t JOIN billing_hold AS h ON h.id = t.hold_id WHERE t.kind = 'hold'
        UNION ALL
        SELECT t.id, t.team_id, 'held', 'spent', h.captured
            FROM billing_transaction AS t JOIN billing_hold AS h ON h.id = t.hold_id
            WHERE t.kind IN ('capture', 'partial_capture')
        UNION ALL
        SELECT t.id, t.team_id, 'held', 'remaining', h.released
            FROM billing_transaction AS t JOIN billing_hold AS h ON h.id = t.hold_id
            WHERE t.kind IN ('release', 'partial_capture')
    ) AS past
    JOIN billing_lot AS l ON l.team_id = past.team_id;

UPDATE billing_lot AS l SET moves_count = m.number
    FROM (SELECT lot_id, count(*) AS number FROM billing_lotmove GROUP BY lot_id) AS m WHERE m.lot_id = l.id;

ALTER TABLE billing_lotmove ENABLE TRIGGER applied;
ALTER TABLE billing_lot ENABLE TRIGGER guarded;
"""


# Going back drops the tables of lots; accounts that the release before does not know leave if nothing moved there.
EMPTY = """
ALTER TABLE billing_account DISABLE TRIGGER kept;
DELETE FROM billing_account AS a WHERE a.kind NOT IN ('available', 'held', 'promo', 'revenue')
    AND NOT EXISTS (SELECT FROM billing_entry WHERE account_id = a.id);
ALTER TABLE billing_account ENABLE TRIGGER kept;
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0018_other_functions")]

    operations = [migrations.RunSQL(FILL, EMPTY)]
