"""What stands in the way of several holds together, found before the first of them."""

from django.db import migrations

INSTALL = """
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
REMOVE = "DROP FUNCTION billing_check_holds(uuid, bigint, bigint, timestamptz, bigint, uuid, uuid);"


class Migration(migrations.Migration):
    dependencies = [("billing", "0022_quotes_for_batches")]

    operations = [migrations.RunSQL(INSTALL, REMOVE)]
