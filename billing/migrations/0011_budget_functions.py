"""Which limits stand in the way of a hold, or of several, and how it is counted in them."""

from django.db import migrations

LIMITS = """
-- The limits on a member, a key and a project, each with its present period and cap.
CREATE FUNCTION billing_limits_for(p_team uuid, p_member bigint, p_key uuid, p_project uuid, p_now timestamptz)
RETURNS TABLE (id bigint, scope text, period text, period_start timestamptz, resets_at timestamptz, cap bigint)
LANGUAGE sql STABLE AS $$
    SELECT l.id,
        CASE WHEN l.key_id IS NOT NULL THEN 'api_key' WHEN l.member_id IS NOT NULL THEN 'member' ELSE 'project' END, l.period,
        CASE WHEN l.period IN ('day', 'week', 'month') THEN date_trunc(l.period, p_now, 'UTC') ELSE timestamptz '1970-01-01 00:00+00' END,
        CASE WHEN l.period IN ('day', 'week', 'month')
            THEN (date_trunc(l.period, p_now AT TIME ZONE 'UTC') + ('1 ' || l.period)::interval) AT TIME ZONE 'UTC' END,
        CASE WHEN l.raised_until > p_now THEN l.raised_cap ELSE l.cap END
    FROM billing_limit AS l
    WHERE l.team_id = p_team AND l.active AND (l.member_id = p_member OR l.key_id = p_key OR l.project_id = p_project);
$$;

-- Why these limits do not allow `p_amount`, API key first, then member, then project; opens the budgets of new periods
-- and gives each its present cap. The caller has locked the wallet.
CREATE FUNCTION billing_blockers(
    p_team uuid, p_member bigint, p_key uuid, p_project uuid, p_amount bigint, p_now timestamptz
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    found_all jsonb;
BEGIN
    INSERT INTO billing_budget AS b (limit_id, period_start, cap)
        SELECT l.id, l.period_start, l.cap FROM billing_limits_for(p_team, p_member, p_key, p_project, p_now) AS l
        WHERE l.period <> 'job'
        ON CONFLICT (limit_id, period_start) DO UPDATE SET cap = EXCLUDED.cap WHERE b.cap <> EXCLUDED.cap;
    SELECT jsonb_agg(jsonb_build_object(
            'scope', l.scope, 'id', l.id, 'period', l.period, 'cap', l.cap, 'spent', coalesce(b.spent, 0),
            'held', coalesce(b.held, 0), 'resets_at', l.resets_at
        ) ORDER BY l.scope, l.id)
        INTO found_all
        FROM billing_limits_for(p_team, p_member, p_key, p_project, p_now) AS l
        LEFT JOIN billing_budget AS b ON b.limit_id = l.id AND b.period_start = l.period_start
        WHERE coalesce(b.held + b.spent, 0) + p_amount > l.cap;
    RETURN coalesce(found_all, '[]'::jsonb);
END $$;

-- Why the team, or limits on these subjects, do not allow `p_amount` in all, of which a single clip takes `p_largest` at
-- most. Locks the wallet, so that holds of the same transaction are not refused afterwards.
CREATE FUNCTION billing_check_holds(
    p_team uuid, p_amount bigint, p_largest bigint, p_now timestamptz, p_member bigint, p_key uuid, p_project uuid
) RETURNS TABLE (outcome text, available bigint, hold billing_hold, blockers jsonb)
LANGUAGE plpgsql SET lock_timeout = '3s' AS $$
DECLARE
    why_suspended text;
BEGIN
    SELECT a.balance, a.suspended INTO available, why_suspended FROM billing_account AS a
        WHERE a.team_id = p_team AND a.kind = 'available' FOR NO KEY UPDATE;
    available := coalesce(available, 0) - billing_expire_overdue(p_team, p_now);
    blockers := CASE WHEN why_suspended <> '' THEN '[{"scope": "team"}]'::jsonb ELSE '[]'::jsonb END
        || CASE WHEN available < p_amount THEN '[{"scope": "balance"}]'::jsonb ELSE '[]'::jsonb END
        || coalesce((
            SELECT jsonb_agg(b ORDER BY b->>'scope', (b->>'id')::bigint) FROM (
                SELECT b FROM jsonb_array_elements(
                    billing_blockers(p_team, p_member, p_key, p_project, p_amount, p_now)
                ) AS b WHERE b->>'period' <> 'job'
                UNION ALL
                SELECT b FROM jsonb_array_elements(
                    billing_blockers(p_team, p_member, p_key, p_project, p_largest, p_now)
                ) AS b WHERE b->>'period' = 'job'
            ) AS found
        ), '[]'::jsonb);
    outcome := CASE blockers WHEN '[]'::jsonb THEN 'allowed' ELSE 'refused' END;
    RETURN NEXT;
END $$;
"""

COUNTING = """
-- Counts a hold in every budget it belongs to, and notes which of 50, 80 and 100 % are reached.
CREATE FUNCTION billing_count_hold(
    p_hold billing_hold, p_member bigint, p_key uuid, p_project uuid, p_now timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    WITH counted AS (
        UPDATE billing_budget AS b SET held = b.held + p_hold.amount
            FROM billing_limits_for(p_hold.team_id, p_member, p_key, p_project, p_now) AS l
            WHERE b.limit_id = l.id AND b.period_start = l.period_start
            RETURNING b.id, b.held + b.spent AS used, b.cap, l.id AS limit_id, l.scope, l.period
    ), kept AS (
        INSERT INTO billing_holdbudget (hold_id, budget_id) SELECT p_hold.id, counted.id FROM counted
    )
    INSERT INTO billing_notice (kind, subject, team_id, payload)
        SELECT 'budget_reached', format('budget:%s:%s', counted.id, percent), p_hold.team_id, jsonb_build_object(
                'limit', counted.limit_id, 'scope', counted.scope, 'period', counted.period,
                'percent', percent, 'cap', counted.cap, 'used', counted.used
            )
        FROM counted, unnest(ARRAY[50, 80, 100]) AS percent
        WHERE counted.used * 100 >= counted.cap * percent
        ON CONFLICT (kind, subject) DO NOTHING;
END $$;

-- From held to spent, in the budgets that the hold was counted in, whatever the date is by now.
CREATE FUNCTION billing_settle_budgets(p_hold bigint, p_held bigint, p_spent bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE billing_budget AS b SET held = b.held - p_held, spent = b.spent + p_spent
        FROM billing_holdbudget AS h WHERE h.hold_id = p_hold AND b.id = h.budget_id;
$$;
"""

REMOVE = """
DROP FUNCTION billing_settle_budgets(bigint, bigint, bigint);
DROP FUNCTION billing_count_hold(billing_hold, bigint, uuid, uuid, timestamptz);
DROP FUNCTION billing_check_holds(uuid, bigint, bigint, timestamptz, bigint, uuid, uuid);
DROP FUNCTION billing_blockers(uuid, bigint, uuid, uuid, bigint, timestamptz);
DROP FUNCTION billing_limits_for(uuid, bigint, uuid, uuid, timestamptz);
"""


class Migration(migrations.Migration):
    replaces = [("billing", "0014_budget_walls"), ("billing", "0023_several_holds")]
    dependencies = [("billing", "0010_credit_functions")]

    operations = [migrations.RunSQL(LIMITS + COUNTING, REMOVE)]
