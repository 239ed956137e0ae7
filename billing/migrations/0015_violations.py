"""Everything that is wrong with the books: quick at ten million entries, whatever the planner believes about the tables.

The planner took joins for small that were not: where tables had grown since their last statistics, each row of one was
compared with each row of another. The proof reads everything, so nested loops are never right for it. Each table joins by
one column that has another value in almost every row, so that hashing or merging cannot become a nested loop either.
"""

from django.db import migrations

# In each query $1 is a team, or null for all of them.
ENTRIES = """
SELECT 'transaction_balances', 'transaction ' || t.id || ' (' || t.key || ')',
    'It has ' || count(e.id) || ' entries that sum to ' || coalesce(sum(e.amount), 0)
        || ' µ$. A transaction needs two or more that sum to zero.'
FROM billing_transaction AS t LEFT JOIN billing_entry AS e ON e.transaction_id = t.id
WHERE ($1 IS NULL OR t.team_id = $1)
GROUP BY t.id HAVING count(e.id) < 2 OR sum(e.amount) <> 0

UNION ALL
SELECT 'books_sum_to_zero', 'all entries',
    'Together they sum to ' || sum(amount) || ' µ$ instead of zero.'
FROM billing_entry WHERE $1 IS NULL HAVING sum(amount) <> 0

UNION ALL
SELECT CASE WHEN t.id IS NULL OR a.id IS NULL THEN 'rows_have_owners' ELSE 'one_team_per_transaction' END, 'entry ' || e.id,
    CASE WHEN t.id IS NULL OR a.id IS NULL THEN 'Its transaction or its account does not exist.'
        ELSE 'It moves credit of a team that its transaction ' || t.id || ' (' || t.key || ') is not about.' END
FROM billing_entry AS e
LEFT JOIN billing_transaction AS t ON t.id = e.transaction_id
LEFT JOIN billing_account AS a ON a.id = e.account_id
WHERE ($1 IS NULL OR a.team_id = $1)
    AND (t.id IS NULL OR a.id IS NULL OR a.team_id IS NOT NULL AND a.team_id IS DISTINCT FROM t.team_id)

UNION ALL
SELECT 'rows_have_owners', 'transaction ' || t.id || ' (' || t.key || ')', 'Its team or its hold does not exist.'
FROM billing_transaction AS t
LEFT JOIN accounts_team AS team ON team.id = t.team_id
LEFT JOIN billing_hold AS h ON h.id = t.hold_id
WHERE ($1 IS NULL OR t.team_id = $1)
    AND (t.team_id IS NOT NULL AND team.id IS NULL OR t.hold_id IS NOT NULL AND h.team_id IS DISTINCT FROM t.team_id)

UNION ALL
SELECT 'balance_is_sum_of_entries', 'account ' || a.id || ' (' || a.kind || ' of team ' || a.team_id || ')',
    'It says ' || a.balance || ' µ$ after ' || a.version || ' entries, but it has ' || count(e.id)
        || ' entries that sum to ' || coalesce(sum(e.amount), 0) || ' µ$.'
FROM billing_account AS a LEFT JOIN billing_entry AS e ON e.account_id = a.id
WHERE a.materialised AND ($1 IS NULL OR a.team_id = $1)
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
    WHERE a.materialised AND ($1 IS NULL OR a.team_id = $1)
    WINDOW chain AS (PARTITION BY e.account_id ORDER BY e.version)
) AS step
WHERE step.version IS DISTINCT FROM step.place
    OR step.balance_after IS DISTINCT FROM step.before + step.amount

UNION ALL
SELECT 'wallet_not_overdrawn', 'account ' || id || ' (' || kind || ' of team ' || team_id || ')',
    'It stands at ' || balance || ' µ$, below its floor of ' || floor || ' µ$.'
FROM billing_account WHERE materialised AND balance < floor AND ($1 IS NULL OR team_id = $1)
"""

HOLDS = """
SELECT 'held_is_open_holds', 'team ' || coalesce(wallet.team_id, open_holds.team_id),
    'Its held account has ' || coalesce(wallet.balance, 0) || ' µ$, but its open holds need '
        || coalesce(open_holds.total, 0) || ' µ$.'
FROM (
    SELECT team_id, balance FROM billing_account WHERE kind = 'held' AND ($1 IS NULL OR team_id = $1)
) AS wallet
FULL JOIN (
    SELECT team_id, sum(amount) AS total FROM billing_hold
    WHERE state = 'open' AND ($1 IS NULL OR team_id = $1) GROUP BY team_id
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
        -- What returns to a disputed purchase is frozen: returned all the same.
        sum(e.amount) FILTER (WHERE t.kind <> 'hold' AND a.kind IN ('available', 'frozen')) AS released
    FROM billing_transaction AS t
    JOIN billing_entry AS e ON e.transaction_id = t.id
    JOIN billing_account AS a ON a.id = e.account_id
    WHERE t.kind IN ('hold', 'capture', 'partial_capture', 'release') AND ($1 IS NULL OR t.team_id = $1)
    GROUP BY t.hold_id
) AS posted ON posted.hold_id = h.id
WHERE ($1 IS NULL OR h.team_id = $1) AND (
    coalesce(posted.holds, 0) <> 1
    OR coalesce(posted.settlements, 0) <> CASE WHEN h.state = 'settled' THEN 1 ELSE 0 END
    OR coalesce(posted.held, 0) <> h.amount
    OR coalesce(posted.captured, 0) <> h.captured
    OR coalesce(posted.released, 0) <> h.released
)

UNION ALL
SELECT 'hold_matches_transactions', 'transaction ' || t.id || ' (' || t.key || ')',
    'It moves held credit without naming a hold.'
FROM billing_transaction AS t
WHERE t.hold_id IS NULL AND t.kind IN ('hold', 'capture', 'partial_capture', 'release')
    AND ($1 IS NULL OR t.team_id = $1)

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
    WHERE t.kind IN ('hold', 'capture', 'partial_capture', 'release') AND ($1 IS NULL OR t.team_id = $1)
    GROUP BY t.hold_id
) AS m ON m.hold_id = h.id
WHERE ($1 IS NULL OR h.team_id = $1)
    AND (coalesce(m.held, 0), coalesce(m.spent, 0), coalesce(m.back, 0)) IS DISTINCT FROM (h.amount, h.captured, h.released)

UNION ALL
SELECT 'budget_is_its_holds', 'budget ' || b.id,
    'It has ' || b.held || ' held and ' || b.spent || ' spent, but its holds have ' || coalesce(h.held, 0) || ' and '
        || coalesce(h.spent, 0) || ' µ$.'
FROM billing_budget AS b
JOIN billing_limit AS l ON l.id = b.limit_id
LEFT JOIN (
    SELECT hb.budget_id, sum(h.amount) FILTER (WHERE h.state = 'open') AS held,
        sum(h.captured) FILTER (WHERE refund.id IS NULL) AS spent
    FROM billing_holdbudget AS hb
    JOIN billing_hold AS h ON h.id = hb.hold_id
    LEFT JOIN billing_transaction AS refund ON refund.key = 'unsettle:' || h.id
    WHERE ($1 IS NULL OR h.team_id = $1)
    GROUP BY hb.budget_id
) AS h ON h.budget_id = b.id
WHERE ($1 IS NULL OR l.team_id = $1) AND (b.held <> coalesce(h.held, 0) OR b.spent <> coalesce(h.spent, 0))
"""

LOTS = """
SELECT 'lots_match_wallet', 'team ' || a.team_id,
    'Its ' || a.kind || ' account has ' || a.balance || ' µ$, but its lots have ' || CASE a.kind
        WHEN 'available' THEN coalesce(l.remaining, 0) - coalesce(d.owed, 0)
        WHEN 'held' THEN coalesce(l.held, 0) ELSE coalesce(l.frozen, 0) END || ' µ$.'
FROM billing_account AS a
LEFT JOIN (
    SELECT team_id, sum(remaining) AS remaining, sum(held) AS held, sum(frozen) AS frozen FROM billing_lot
    WHERE ($1 IS NULL OR team_id = $1) GROUP BY team_id
) AS l ON l.team_id = a.team_id
LEFT JOIN (
    SELECT team_id, sum(amount - repaid - written_off) AS owed FROM billing_debt
    WHERE ($1 IS NULL OR team_id = $1) GROUP BY team_id
) AS d ON d.team_id = a.team_id
WHERE a.materialised AND ($1 IS NULL OR a.team_id = $1) AND a.balance <> CASE a.kind
    WHEN 'available' THEN coalesce(l.remaining, 0) - coalesce(d.owed, 0)
    WHEN 'held' THEN coalesce(l.held, 0) ELSE coalesce(l.frozen, 0) END

UNION ALL
SELECT 'lot_is_sum_of_moves', 'lot ' || l.id || ' (team ' || l.team_id || ')',
    'Its buckets or its count of ' || l.moves_count || ' do not follow from its moves.'
FROM billing_lot AS l
LEFT JOIN billing_lotmove AS m ON m.lot_id = l.id
WHERE ($1 IS NULL OR l.team_id = $1)
GROUP BY l.id HAVING (
        count(m.id), coalesce(max(m.position), 0), sum(m.amount) FILTER (WHERE m.source = 'granted'),
        coalesce(sum(CASE 'remaining' WHEN m.target THEN m.amount WHEN m.source THEN -m.amount END), 0),
        coalesce(sum(CASE 'held' WHEN m.target THEN m.amount WHEN m.source THEN -m.amount END), 0),
        coalesce(sum(CASE 'frozen' WHEN m.target THEN m.amount WHEN m.source THEN -m.amount END), 0),
        coalesce(sum(CASE 'spent' WHEN m.target THEN m.amount WHEN m.source THEN -m.amount END), 0),
        coalesce(sum(CASE 'expired' WHEN m.target THEN m.amount WHEN m.source THEN -m.amount END), 0),
        coalesce(sum(CASE 'reversed' WHEN m.target THEN m.amount WHEN m.source THEN -m.amount END), 0)
    ) IS DISTINCT FROM (
        l.moves_count, l.moves_count, l.granted, l.remaining, l.held, l.frozen, l.spent, l.expired, l.reversed
    )

UNION ALL
SELECT 'debt_is_repaid_first', 'team ' || a.team_id,
    'Its floor is ' || a.floor || ' µ$, it owes ' || coalesce(d.owed, 0) || ' µ$ and has ' || coalesce(l.remaining, 0) || ' µ$ of lots.'
FROM billing_account AS a
LEFT JOIN (
    SELECT team_id, sum(amount - repaid - written_off) AS owed FROM billing_debt
    WHERE ($1 IS NULL OR team_id = $1) GROUP BY team_id
) AS d ON d.team_id = a.team_id
LEFT JOIN (
    SELECT team_id, sum(remaining) AS remaining FROM billing_lot WHERE ($1 IS NULL OR team_id = $1) GROUP BY team_id
) AS l ON l.team_id = a.team_id
WHERE a.kind = 'available' AND ($1 IS NULL OR a.team_id = $1) AND (
    a.floor <> -coalesce(d.owed, 0) OR coalesce(d.owed, 0) > 0 AND coalesce(l.remaining, 0) > 0
)
"""

PURCHASES = """
SELECT 'paid_purchase_is_credited', 'purchase ' || p.id,
    'It is ' || p.state || ' for ' || p.credit || ' µ$, but ' || coalesce(t.credits, 0) || ' transactions credited '
        || coalesce(t.credit, 0) || ' µ$.'
FROM billing_purchase AS p
LEFT JOIN (
    SELECT t.purchase_id, count(DISTINCT t.id) AS credits, sum(e.amount) AS credit
    FROM billing_transaction AS t
    JOIN billing_entry AS e ON e.transaction_id = t.id
    JOIN billing_account AS a ON a.id = e.account_id AND a.kind = 'available'
    WHERE t.kind = 'top_up' AND ($1 IS NULL OR t.team_id = $1) GROUP BY t.purchase_id
) AS t ON t.purchase_id = p.id
WHERE ($1 IS NULL OR p.team_id = $1) AND (
    coalesce(t.credits, 0) <> CASE p.state WHEN 'paid' THEN 1 ELSE 0 END
    OR coalesce(t.credit, 0) <> CASE p.state WHEN 'paid' THEN p.credit ELSE 0 END
)

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
WHERE ($1 IS NULL OR p.team_id = $1) AND b.posted <> div(p.credit::numeric * b.cents, p.gross_cents)

UNION ALL
SELECT 'frozen_is_pending', 'team ' || a.team_id,
    'Its frozen account has ' || a.balance || ' µ$, but refunds and disputes wait for ' || coalesce(b.frozen, 0) || ' µ$.'
FROM billing_account AS a
LEFT JOIN (
    SELECT p.team_id, sum(each.frozen) AS frozen FROM (
        SELECT purchase_id, frozen FROM billing_refund UNION ALL SELECT purchase_id, frozen FROM billing_dispute
    ) AS each JOIN billing_purchase AS p ON p.id = each.purchase_id
    WHERE ($1 IS NULL OR p.team_id = $1) GROUP BY p.team_id
) AS b ON b.team_id = a.team_id
WHERE a.kind = 'frozen' AND ($1 IS NULL OR a.team_id = $1) AND a.balance <> coalesce(b.frozen, 0)

UNION ALL
SELECT 'closed_dispute_leaves_no_cash', 'dispute ' || d.id || ' (' || d.state || ')',
    'It is closed and its cash was withdrawn, but ' || cash.amount || ' µ$ stay in disputes.'
FROM billing_dispute AS d
JOIN billing_purchase AS p ON p.id = d.purchase_id
JOIN (
    SELECT split_part(t.key, ':', 2) AS dispute, sum(e.amount) AS amount, bool_or(t.kind = 'dispute_cash') AS withdrawn
    FROM billing_transaction AS t
    JOIN billing_entry AS e ON e.transaction_id = t.id
    JOIN billing_account AS a ON a.id = e.account_id AND a.kind = 'dispute_pending'
    WHERE t.kind IN ('dispute_cash', 'dispute_back', 'dispute_lost')
    GROUP BY 1
) AS cash ON cash.dispute = d.id::text
WHERE d.state = 'lost' AND cash.withdrawn AND cash.amount <> 0 AND ($1 IS NULL OR p.team_id = $1)

UNION ALL
SELECT 'provider_cost_is_posted', 'attempt ' || coalesce(c.attempt::text, t.attempt),
    'The provider took ' || coalesce(c.cost_nanos, 0) || ' n$, but ' || coalesce(c.posted, 0) || ' µ$ are posted.'
FROM billing_providercharge AS c
FULL JOIN (
    SELECT split_part(t.key, ':', 2) AS attempt, count(*) AS postings, sum(e.amount) AS amount
    FROM billing_transaction AS t
    JOIN billing_entry AS e ON e.transaction_id = t.id
    JOIN billing_account AS a ON a.id = e.account_id AND a.kind = 'provider_funds'
    WHERE t.kind = 'provider_cost'
    GROUP BY 1
) AS t ON t.attempt = c.attempt::text
WHERE $1 IS NULL AND (
    c.posted IS DISTINCT FROM (c.cost_nanos + 999) / 1000
    OR coalesce(c.posted, 0) <> coalesce(t.amount, 0) OR coalesce(c.postings, 0) <> coalesce(t.postings, 0)
)
"""

USAGE = """
SELECT 'usage_is_captured_holds', 'usage of ' || coalesce(u.actor, h.actor) || ' of team '
        || coalesce(u.team_id, h.team_id) || ' on ' || coalesce(u.day, h.day),
    'It counts ' || coalesce(u.clips, 0) || ' clips for ' || coalesce(u.spent, 0) || ' µ$, but '
        || coalesce(h.clips, 0) || ' were captured for ' || coalesce(h.spent, 0) || ' µ$ less refunds.'
FROM (SELECT * FROM billing_usageday WHERE ($1 IS NULL OR team_id = $1)) AS u
FULL JOIN (
    SELECT h.team_id, (h.settled_at AT TIME ZONE 'UTC')::date AS day, t.actor, h.project_id, count(*) AS clips,
        coalesce(sum(h.captured) FILTER (WHERE refund.id IS NULL), 0) AS spent
    FROM billing_hold AS h
    JOIN billing_transaction AS t ON t.key = 'hold:' || h.attempt
    LEFT JOIN billing_transaction AS refund ON refund.key = 'unsettle:' || h.id
    WHERE h.captured > 0 AND ($1 IS NULL OR h.team_id = $1)
    GROUP BY 1, 2, 3, 4
) AS h ON h.team_id = u.team_id AND h.day = u.day AND h.actor = u.actor
    -- A full join takes equality alone: no project is a number of its own.
    AND coalesce(h.project_id, '00000000-0000-0000-0000-000000000000')
        = coalesce(u.project_id, '00000000-0000-0000-0000-000000000000')
WHERE (u.clips, u.spent) IS DISTINCT FROM (h.clips, h.spent)
"""

INSTALL = """
-- What is wrong with the books of one team, or, for null, with all books.
CREATE FUNCTION billing_violations_of(p_team uuid) RETURNS TABLE (invariant text, subject text, detail text)
LANGUAGE plpgsql STABLE SET enable_nestloop = off SET work_mem = '64MB' AS $$
BEGIN
    -- One team's rows are found one by one.
    IF p_team IS NOT NULL THEN
        PERFORM set_config('enable_nestloop', 'on', true);
    END IF;
    -- Planned for this very team, or for all.
    RETURN QUERY EXECUTE $books$QUERIES$books$ USING p_team;
END $$;
CREATE VIEW billing_violations AS SELECT * FROM billing_violations_of(NULL);
""".replace("QUERIES", "UNION ALL".join([ENTRIES, HOLDS, LOTS, PURCHASES, USAGE]))
REMOVE = "DROP VIEW billing_violations; DROP FUNCTION billing_violations_of(uuid);"


class Migration(migrations.Migration):
    replaces = [
        ("billing", "0007_violations_view"),
        ("billing", "0020_violations"),
        ("billing", "0021_violations_at_any_size"),
        ("billing", "0072_usage_is_proven"),
    ]
    dependencies = [("billing", "0014_other_functions")]

    operations = [migrations.RunSQL(INSTALL, REMOVE)]
