"""What is held and spent of a budget grows only within its cap; suspending a team moves nothing."""

from importlib import import_module

from django.db import migrations

first = import_module("billing.migrations.0003_ledger_walls")
debts = import_module("billing.migrations.0012_purchase_walls")

# A hold that is counted in budgets stays so.
HOLDS = (
    first.HOLDS[: first.HOLDS.index("CREATE TRIGGER")]
    .replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    .replace("NEW.passes, NEW.created_at", "NEW.passes, NEW.has_budgets, NEW.created_at")
    .replace("OLD.passes, OLD.created_at", "OLD.passes, OLD.has_budgets, OLD.created_at")
)
HOLDS_BEFORE = HOLDS.replace(", NEW.has_budgets", "").replace(", OLD.has_budgets", "")

_guard = debts.DEBTS[: debts.DEBTS.index("-- The floor is exactly")]
ACCOUNTS = _guard.replace(
    "        OR NEW.version <> OLD.version + 1\n",
    "        OR NEW.version <> OLD.version + 1 AND ((NEW.version, NEW.balance, NEW.floor) <> (OLD.version, OLD.balance, OLD.floor)"
    " OR NEW.suspended = OLD.suspended)\n",
)

BUDGETS = """
CREATE FUNCTION billing_guard_budget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.held <> 0 OR NEW.spent <> 0 THEN
            RAISE EXCEPTION 'a budget starts unused' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF (NEW.id, NEW.limit_id, NEW.period_start) IS DISTINCT FROM (OLD.id, OLD.limit_id, OLD.period_start) THEN
        RAISE EXCEPTION 'budget % keeps its limit and its period', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    -- A cap may be lowered below what is used already; it only stops more.
    ELSIF NEW.held + NEW.spent > OLD.held + OLD.spent AND NEW.held + NEW.spent > NEW.cap THEN
        RAISE EXCEPTION 'budget % grows beyond its cap', OLD.id USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE ON billing_budget FOR EACH ROW EXECUTE FUNCTION billing_guard_budget();
CREATE TRIGGER kept BEFORE DELETE ON billing_budget FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_holdbudget FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_budget EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_holdbudget EXECUTE FUNCTION billing_refuse_change();

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
DROP FUNCTION billing_blockers(uuid, bigint, uuid, uuid, bigint, timestamptz);
DROP FUNCTION billing_limits_for(uuid, bigint, uuid, uuid, timestamptz);
DROP TRIGGER guarded ON billing_budget;
DROP TRIGGER kept ON billing_budget;
DROP TRIGGER append_only ON billing_holdbudget;
DROP TRIGGER not_emptied ON billing_budget;
DROP TRIGGER not_emptied ON billing_holdbudget;
DROP FUNCTION billing_guard_budget();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0013_budgets_and_quotes")]

    operations = [migrations.RunSQL(HOLDS + ACCOUNTS + BUDGETS, REMOVE + HOLDS_BEFORE + _guard)]
