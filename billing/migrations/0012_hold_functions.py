"""Hold, settle and grant as functions in the database: one round trip each, with the wallet locked for less time.

`billing.ledger` is their only caller. Lock order: the team's available row, then the hold, then budgets, then lots in burn
order. Every statement of a function sees what was committed before it (READ COMMITTED), so what is read after the lock is
current.

Plans of holding and settling are made once for each connection and are always by index: a plan made while the tables were
small would read them whole, for as long as the connection lives.
"""

from django.db import migrations

HOLD = """
CREATE FUNCTION billing_hold_credits(
    p_team uuid, p_attempt uuid, p_amount bigint, p_actor text, p_request_hash text,
    p_price_version bigint, p_rate_nanos bigint, p_num_frames integer, p_passes integer,
    p_expires_at timestamptz, p_now timestamptz, p_member bigint, p_key uuid, p_project uuid
) RETURNS TABLE (outcome text, available bigint, hold billing_hold, blockers jsonb)
LANGUAGE plpgsql SET lock_timeout = '3s' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    known_hash text;
    is_overdue boolean;
    is_limited boolean;
    why_suspended text;
    new_transaction bigint;
    new_hold bigint;
    first_lot bigint;
    burned bigint;
BEGIN
    SELECT a.balance, a.suspended INTO available, why_suspended FROM billing_account AS a
        WHERE a.team_id = p_team AND a.kind = 'available' FOR NO KEY UPDATE;
    available := coalesce(available, 0);

    -- The key comes before the balance: a repeated request gets its answer even when the wallet is empty.
    SELECT (SELECT t.request_hash FROM billing_transaction AS t WHERE t.key = 'hold:' || p_attempt),
            EXISTS (SELECT FROM billing_lot AS l WHERE l.team_id = p_team AND l.spendable AND l.expires_at <= p_now),
            EXISTS (
                SELECT FROM billing_limit AS l WHERE l.team_id = p_team AND l.active
                    AND (l.member_id = p_member OR l.key_id = p_key OR l.project_id = p_project)
            )
        INTO known_hash, is_overdue, is_limited;
    IF known_hash IS NOT NULL THEN
        outcome := 'key_reused';
        IF known_hash = p_request_hash THEN
            outcome := 'replayed';
            SELECT h.* INTO STRICT hold FROM billing_hold AS h WHERE h.attempt = p_attempt;
        END IF;
        RETURN NEXT;
        RETURN;
    END IF;

    IF is_overdue THEN
        available := available - billing_expire_overdue(p_team, p_now);
    END IF;
    IF available < p_amount OR why_suspended <> '' OR is_limited THEN
        -- Everything that stands in the way, in the order in which people can do something about it.
        blockers := CASE WHEN why_suspended <> '' THEN '[{"scope": "team"}]'::jsonb ELSE '[]'::jsonb END
            || CASE WHEN available < p_amount THEN '[{"scope": "balance"}]'::jsonb ELSE '[]'::jsonb END;
        IF is_limited THEN
            blockers := blockers || billing_blockers(p_team, p_member, p_key, p_project, p_amount, p_now);
        END IF;
        IF blockers <> '[]'::jsonb THEN
            outcome := 'refused';
            RETURN NEXT;
            RETURN;
        END IF;
    END IF;

    INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
        VALUES ('hold:' || p_attempt, 'hold', p_team, p_actor, p_request_hash, nextval('billing_hold_id_seq'))
        ON CONFLICT (key) DO NOTHING RETURNING id, hold_id INTO new_transaction, new_hold;
    IF NOT FOUND THEN
        -- Another team was faster with the same attempt: its wallet is not ours, so our lock did not stop it.
        outcome := 'key_reused';
        RETURN NEXT;
        RETURN;
    END IF;
    INSERT INTO billing_hold (
        id, team_id, attempt, amount, price_version_id, rate_nanos, num_frames, passes, expires_at, has_budgets,
        project_id
    ) VALUES (
        new_hold, p_team, p_attempt, p_amount, p_price_version, p_rate_nanos, p_num_frames, p_passes, p_expires_at,
        is_limited, p_project
    ) RETURNING * INTO hold;
    -- In one statement, at whose end account and entries are compared.
    WITH changed AS (
        UPDATE billing_account AS a SET version = a.version + 1,
                balance = a.balance + CASE a.kind WHEN 'held' THEN p_amount ELSE -p_amount END
            WHERE a.team_id = p_team AND a.kind IN ('available', 'held')
            RETURNING a.id, CASE a.kind WHEN 'held' THEN p_amount ELSE -p_amount END AS amount, a.balance, a.version
    )
    INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
        SELECT new_transaction, id, amount, balance, version FROM changed;
    -- Mostly the lot that burns first has enough.
    SELECT l.id, l.remaining INTO first_lot, burned FROM billing_lot AS l WHERE l.team_id = p_team AND l.spendable
        ORDER BY l.priority, l.expires_at NULLS LAST, l.created_at, l.id LIMIT 1;
    IF burned >= p_amount THEN
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            VALUES (new_transaction, first_lot, 'remaining', 'held', p_amount);
    ELSE
        WITH moved AS (
            INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
                SELECT new_transaction, share.id, 'remaining', 'held', share.part
                    FROM billing_burn(p_team, NULL, p_amount) AS share
                RETURNING amount
        )
        SELECT sum(moved.amount) INTO burned FROM moved;
        IF burned IS DISTINCT FROM p_amount THEN
            RAISE EXCEPTION 'the lots of team % do not hold what its balance says', p_team
                USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    IF is_limited THEN
        PERFORM billing_count_hold(hold, p_member, p_key, p_project, p_now);
    END IF;
    outcome := 'held';
    available := available - p_amount;
    RETURN NEXT;
END $$;
"""

SETTLE = """
CREATE FUNCTION billing_settle_hold(
    p_attempt uuid, p_used bigint, p_actor text, p_request_hash text, p_now timestamptz
) RETURNS TABLE (outcome text, available bigint, hold billing_hold)
LANGUAGE plpgsql SET lock_timeout = '3s' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    team uuid;
    back bigint;
    new_transaction bigint;
BEGIN
    SELECT a.balance, a.team_id INTO available, team
        FROM billing_hold AS h JOIN billing_account AS a ON a.team_id = h.team_id AND a.kind = 'available'
        WHERE h.attempt = p_attempt FOR NO KEY UPDATE OF a;
    IF NOT FOUND THEN
        outcome := 'missing';
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT h.* INTO STRICT hold FROM billing_hold AS h WHERE h.attempt = p_attempt;
    back := hold.amount - p_used;
    IF hold.state <> 'open' OR p_used < 0 OR back < 0 THEN
        outcome := CASE WHEN hold.state = 'open' THEN 'above_hold' ELSE 'replayed' END;
        RETURN NEXT;
        RETURN;
    END IF;

    IF hold.has_budgets THEN
        PERFORM billing_settle_budgets(hold.id, hold.amount, p_used);
    END IF;
    IF back > 0 THEN
        hold := billing_return_hold(hold, p_used, p_actor, p_request_hash, p_now);
        SELECT a.balance INTO STRICT available FROM billing_account AS a WHERE a.team_id = team AND a.kind = 'available';
        outcome := 'settled';
        RETURN NEXT;
        RETURN;
    END IF;

    -- The common case, a full capture.
    INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
        VALUES ('settle:' || hold.id, 'capture', team, p_actor, p_request_hash, hold.id) RETURNING id INTO new_transaction;
    UPDATE billing_hold AS h SET state = 'settled', captured = p_used, settled_at = statement_timestamp()
        WHERE h.id = hold.id RETURNING h.* INTO hold;
    WITH changed AS (
        UPDATE billing_account AS a SET version = a.version + 1, balance = a.balance - p_used
            WHERE a.team_id = team AND a.kind = 'held'
            RETURNING a.id, a.balance, a.version
    )
    INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version)
        SELECT new_transaction, id, -p_used, balance, version FROM changed
        UNION ALL
        -- Without a balance, so that no row makes all teams wait for each other.
        SELECT new_transaction, a.id, p_used, NULL, NULL
            FROM billing_account AS a WHERE a.team_id IS NULL AND a.kind = 'revenue';
    WITH moved AS (
        INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
            SELECT new_transaction, m.lot_id, 'held', 'spent', m.amount FROM billing_lotmove AS m
                WHERE m.transaction_id = (SELECT t.id FROM billing_transaction AS t WHERE t.key = 'hold:' || p_attempt)
                ORDER BY m.id
            RETURNING amount
    )
    SELECT sum(moved.amount) INTO back FROM moved;
    IF back IS DISTINCT FROM p_used THEN
        RAISE EXCEPTION 'the lots of team % do not hold what was held for %', team, p_attempt
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    outcome := 'settled';
    RETURN NEXT;
END $$;

-- A release or a partial capture: the lots that burn first are spent, the rest returns to where it came from. Credit
-- of a disputed purchase is frozen instead, and what the team owes is repaid.
CREATE FUNCTION billing_return_hold(
    p_hold billing_hold, p_used bigint, p_actor text, p_request_hash text, p_now timestamptz
) RETURNS billing_hold LANGUAGE plpgsql AS $$
DECLARE
    new_transaction bigint;
    back bigint := p_hold.amount - p_used;
    disputed bigint;
    owed bigint;
    done billing_hold;
BEGIN
    INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash, hold_id)
        VALUES (
            'settle:' || p_hold.id, CASE p_used WHEN 0 THEN 'release' ELSE 'partial_capture' END,
            p_hold.team_id, p_actor, p_request_hash, p_hold.id
        ) RETURNING id INTO new_transaction;
    UPDATE billing_hold AS h SET state = 'settled', captured = p_used, released = back, settled_at = statement_timestamp()
        WHERE h.id = p_hold.id RETURNING h.* INTO done;

    WITH taken AS (
        SELECT m.id, m.lot_id, m.amount, l.disputed,
            greatest(0, least(m.amount, p_used - coalesce(sum(m.amount) OVER (
                ORDER BY m.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ), 0))) AS used
        FROM billing_lotmove AS m JOIN billing_lot AS l ON l.id = m.lot_id
        WHERE m.transaction_id = (SELECT t.id FROM billing_transaction AS t WHERE t.key = 'hold:' || p_hold.attempt)
    )
    INSERT INTO billing_lotmove (transaction_id, lot_id, source, target, amount)
        SELECT new_transaction, share.lot_id, 'held', share.target, share.amount FROM (
            SELECT id, lot_id, 'spent' AS target, used AS amount FROM taken
            UNION ALL
            SELECT id, lot_id, CASE WHEN taken.disputed THEN 'frozen' ELSE 'remaining' END, amount - used FROM taken
        ) AS share
        WHERE share.amount > 0 ORDER BY share.id;

    disputed := billing_freeze_more(new_transaction);
    SELECT least(-a.floor, back - disputed) INTO STRICT owed
        FROM billing_account AS a WHERE a.team_id = p_hold.team_id AND a.kind = 'available';
    PERFORM billing_post(
        new_transaction, p_hold.team_id, ARRAY['held', 'available', 'frozen', 'revenue'],
        ARRAY[-p_hold.amount, back - disputed, disputed, p_used], owed
    );
    IF owed > 0 THEN
        PERFORM billing_repay_debt(new_transaction, p_hold.team_id, owed);
    END IF;
    PERFORM billing_extend_lots(new_transaction, p_now);
    RETURN done;
END $$;

-- How much of a transaction went to frozen lots; the open disputes of their purchases keep count of it.
CREATE FUNCTION billing_freeze_more(p_transaction bigint) RETURNS bigint LANGUAGE sql AS $$
    WITH frozen AS (
        SELECT l.purchase_id, m.amount FROM billing_lotmove AS m JOIN billing_lot AS l ON l.id = m.lot_id
        WHERE m.transaction_id = p_transaction AND m.target = 'frozen'
    ), counted AS (
        UPDATE billing_dispute AS d SET frozen = d.frozen + f.amount
            FROM (SELECT purchase_id, sum(amount) AS amount FROM frozen GROUP BY purchase_id) AS f
            WHERE d.purchase_id = f.purchase_id AND d.state = 'open'
    )
    SELECT coalesce(sum(amount), 0)::bigint FROM frozen;
$$;

-- Credit that a transaction returned to an expired lot gets seven days, once for each lot.
CREATE FUNCTION billing_extend_lots(p_transaction bigint, p_now timestamptz) RETURNS void LANGUAGE sql AS $$
    UPDATE billing_lot AS l SET expires_at = p_now + interval '7 days', extended = true
        WHERE l.expires_at <= p_now AND NOT l.extended AND l.id IN (
            SELECT m.lot_id FROM billing_lotmove AS m WHERE m.transaction_id = p_transaction AND m.target = 'remaining'
        );
$$;
"""

GRANT = """
CREATE FUNCTION billing_grant_promo(
    p_team uuid, p_amount bigint, p_key text, p_actor text, p_reason text, p_request_hash text,
    p_expires_at timestamptz
) RETURNS TABLE (outcome text, available bigint, hold billing_hold)
LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    new_transaction bigint;
BEGIN
    -- A grant is never refused for want of credit, so the key itself is the first lock.
    INSERT INTO billing_transaction (key, kind, team_id, actor, reason, request_hash)
        VALUES ('promo:' || p_key, 'promo_grant', p_team, p_actor, p_reason, p_request_hash)
        ON CONFLICT (key) DO NOTHING RETURNING id INTO new_transaction;
    IF NOT FOUND THEN
        SELECT CASE WHEN t.request_hash = p_request_hash THEN 'replayed' ELSE 'key_reused' END INTO STRICT outcome
            FROM billing_transaction AS t WHERE t.key = 'promo:' || p_key;
        RETURN NEXT;
        RETURN;
    END IF;
    available := billing_credit(
        new_transaction, p_team, ARRAY['promo'], ARRAY[-p_amount], 'promo', p_amount, p_expires_at, NULL
    );
    outcome := 'granted';
    RETURN NEXT;
END $$;
"""

REMOVE = """
DROP FUNCTION billing_grant_promo(uuid, bigint, text, text, text, text, timestamptz);
DROP FUNCTION billing_extend_lots(bigint, timestamptz);
DROP FUNCTION billing_freeze_more(bigint);
DROP FUNCTION billing_return_hold(billing_hold, bigint, text, text, timestamptz);
DROP FUNCTION billing_settle_hold(uuid, bigint, text, text, timestamptz);
DROP FUNCTION billing_hold_credits(
    uuid, uuid, bigint, text, text, bigint, bigint, integer, integer, timestamptz, timestamptz, bigint, uuid, uuid
);
"""


class Migration(migrations.Migration):
    replaces = [
        ("billing", "0006_ledger_functions"),
        ("billing", "0016_hold_functions"),
        ("billing", "0071_cheaper_holds"),
    ]
    dependencies = [("billing", "0011_budget_functions")]

    operations = [migrations.RunSQL(HOLD + SETTLE + GRANT, REMOVE)]
