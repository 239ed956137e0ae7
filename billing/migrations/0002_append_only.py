"""Refuse UPDATE, DELETE and TRUNCATE where rows are history, and deleting what history points at."""

from django.db import migrations

INSTALL = """
CREATE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the books are only ever added to', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_transaction
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_entry
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON billing_priceversion
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_account
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER kept BEFORE DELETE ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change();

CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_transaction EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_entry EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_priceversion EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_account EXECUTE FUNCTION billing_refuse_change();
CREATE TRIGGER not_emptied BEFORE TRUNCATE ON billing_hold EXECUTE FUNCTION billing_refuse_change();
"""

REMOVE = """
DROP TRIGGER append_only ON billing_transaction;
DROP TRIGGER append_only ON billing_entry;
DROP TRIGGER append_only ON billing_priceversion;
DROP TRIGGER kept ON billing_account;
DROP TRIGGER kept ON billing_hold;
DROP TRIGGER not_emptied ON billing_transaction;
DROP TRIGGER not_emptied ON billing_entry;
DROP TRIGGER not_emptied ON billing_priceversion;
DROP TRIGGER not_emptied ON billing_account;
DROP TRIGGER not_emptied ON billing_hold;
DROP FUNCTION billing_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_ledger_tables")]

    operations = [migrations.RunSQL(INSTALL, REMOVE)]
