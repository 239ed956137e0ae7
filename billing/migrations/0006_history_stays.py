"""Refuse UPDATE, DELETE and TRUNCATE where rows are history, and deleting what history points at."""

from django.db import migrations

REFUSAL = """
CREATE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the books are only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""

HISTORY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_transaction
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_entry
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_priceversion
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_lotmove
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_holdbudget FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
"""

POINTED_AT = """
CREATE TRIGGER kept BEFORE DELETE ON billing_account
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_lot
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_purchase FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_refund FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_dispute FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_debt FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_budget FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_usageday FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
"""

NEVER_EMPTIED = """
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_transaction EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_entry EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_priceversion EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_account EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_hold EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_lotmove EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_lot EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_purchase EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_refund EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_dispute EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_debt EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_budget EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_holdbudget EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_usageday EXECUTE FUNCTION billing_refuse_change();
"""

REMOVE = """
DROP TRIGGER not_emptied ON billing_usageday;
DROP TRIGGER not_emptied ON billing_holdbudget;
DROP TRIGGER not_emptied ON billing_budget;
DROP TRIGGER not_emptied ON billing_debt;
DROP TRIGGER not_emptied ON billing_dispute;
DROP TRIGGER not_emptied ON billing_refund;
DROP TRIGGER not_emptied ON billing_purchase;
DROP TRIGGER not_emptied ON billing_lot;
DROP TRIGGER not_emptied ON billing_lotmove;
DROP TRIGGER not_emptied ON billing_hold;
DROP TRIGGER not_emptied ON billing_account;
DROP TRIGGER not_emptied ON billing_priceversion;
DROP TRIGGER not_emptied ON billing_entry;
DROP TRIGGER not_emptied ON billing_transaction;
DROP TRIGGER kept ON billing_usageday;
DROP TRIGGER kept ON billing_budget;
DROP TRIGGER kept ON billing_debt;
DROP TRIGGER kept ON billing_dispute;
DROP TRIGGER kept ON billing_refund;
DROP TRIGGER kept ON billing_purchase;
DROP TRIGGER kept ON billing_lot;
DROP TRIGGER kept ON billing_hold;
DROP TRIGGER kept ON billing_account;
DROP TRIGGER append_only ON billing_holdbudget;
DROP TRIGGER append_only ON billing_lotmove;
DROP TRIGGER append_only ON billing_priceversion;
DROP TRIGGER append_only ON billing_entry;
DROP TRIGGER append_only ON billing_transaction;
DROP FUNCTION billing_refuse_change();
"""


class Migration(migrations.Migration):
    replaces = [("billing", "0002_append_only")]
    dependencies = [("billing", "0005_first_rows")]

    operations = [migrations.RunSQL(REFUSAL + HISTORY + POINTED_AT + NEVER_EMPTIED, REMOVE)]
