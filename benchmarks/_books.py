"""Books of any size, written past the walls in seconds and sound all the same (`billing_violations` says so).

Each team has one promotional grant and then clips: a hold and its capture for each. With triggers off, so only as a
superuser, and only in a database of one's own.
"""

from typing import Final

PRICE: Final = 100_834  # µ$, a default clip
ENTRIES_PER_CLIP: Final = 4
# Ids of one team's rows lie together, clips in the order in which they were made.
_FILL: Final = """
SET LOCAL session_replication_role = replica;
CREATE TEMPORARY TABLE filled ON COMMIT DROP AS SELECT
    n, gen_random_uuid() AS team, now() - interval '301 days' AS began,
    nextval('billing_account_id_seq') AS available, nextval('billing_account_id_seq') AS held,
    nextval('billing_account_id_seq') AS frozen, nextval('billing_lot_id_seq') AS lot
FROM generate_series(1, {teams}) AS n;
CREATE TEMPORARY TABLE clip ON COMMIT DROP AS SELECT
    f.*, c, gen_random_uuid() AS attempt, nextval('billing_hold_id_seq') AS hold,
    nextval('billing_transaction_id_seq') AS holding, nextval('billing_transaction_id_seq') AS capture,
    now() - interval '300 days' * (1 - (c - 1)::numeric / {clips}) AS at
FROM generate_series(1, {clips}) AS c CROSS JOIN filled AS f;
INSERT INTO accounts_team (id, name, slug, is_personal, requires_second_factor, created_at)
    SELECT team, 'Filled ' || n, 'filled-' || team, false, false, now() FROM filled;
INSERT INTO billing_account (id, team_id, kind, materialised, balance, version)
    SELECT available, team, 'available', true, {left}, {clips} + 1 FROM filled
    UNION ALL SELECT held, team, 'held', true, 0, 2 * {clips} FROM filled
    UNION ALL SELECT frozen, team, 'frozen', true, 0, 0 FROM filled;
WITH granted AS (
    INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, created_at, effective_at)
        SELECT 'promo:' || team, 'promo_grant', team, 'benchmark', '', began, began FROM filled
        RETURNING id, team_id
), moved AS (
    INSERT INTO billing_lotmove (transaction_id, lot_id, position, source, target, amount)
        SELECT id, lot, 1, 'granted', 'remaining', {grant} FROM granted JOIN filled ON team = team_id
)
INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
    SELECT id, available, {grant}, {grant}, 1 FROM granted JOIN filled ON team = team_id
    UNION ALL SELECT granted.id, a.id, -{grant}, NULL, NULL FROM granted, billing_account AS a
        WHERE a.kind = 'promo' AND a.team_id IS NULL;
INSERT INTO billing_lot (id, team_id, source, priority, granted, remaining, spent, moves_count, created_at)
    SELECT lot, team, 'promo', 10, {grant}, {left}, {grant} - {left}, 2 * {clips} + 1, began FROM filled;
INSERT INTO billing_hold (
    id, team_id, attempt, amount, captured, state, price_version_id, rate_nanos, num_frames, passes,
    created_at, expires_at, settled_at
) SELECT hold, team, attempt, {price}, {price}, 'settled', (SELECT min(id) FROM billing_priceversion), 20000000, 121, 1,
    at, at + interval '3 hours', at + interval '1 minute'
FROM clip;
INSERT INTO billing_transaction (id, key, kind, team_id, actor, request_hash, hold_id, created_at, effective_at)
    SELECT holding, 'hold:' || attempt, 'hold', team, 'benchmark', '', hold, at, at FROM clip
    UNION ALL
    SELECT capture, 'settle:' || hold, 'capture', team, 'system', '', hold, at + interval '1 minute', at FROM clip;
INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
    SELECT holding, available, -{price}, {grant} - {price} * c, c + 1 FROM clip
    UNION ALL SELECT holding, held, {price}, {price}, 2 * c - 1 FROM clip
    UNION ALL SELECT capture, held, -{price}, 0, 2 * c FROM clip
    UNION ALL SELECT capture, a.id, {price}, NULL, NULL FROM clip, billing_account AS a
        WHERE a.kind = 'revenue' AND a.team_id IS NULL;
INSERT INTO billing_usageday (team_id, day, actor, clips, spent)
    SELECT team, ((at + interval '1 minute') AT TIME ZONE 'UTC')::date, 'benchmark', count(*), count(*) * {price}
        FROM clip GROUP BY 1, 2;
INSERT INTO billing_lotmove (transaction_id, lot_id, position, source, target, amount)
    SELECT holding, lot, 2 * c, 'remaining', 'held', {price} FROM clip
    UNION ALL SELECT capture, lot, 2 * c + 1, 'held', 'spent', {price} FROM clip;
SELECT team FROM filled ORDER BY n;
"""


def fill_books(*, teams: int, clips: int) -> list[str]:
    """Add `teams` teams with `clips` clips each, four entries a clip; returns the teams' ids."""
    from django.db import connection, transaction

    grant = PRICE * clips * 2
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _FILL.format(
                teams=teams, clips=clips, price=f"{PRICE}::bigint", grant=f"{grant}::bigint", left=grant // 2
            )
        )
        while cursor.nextset():
            pass
        return [row[0] for row in cursor.fetchall()]
