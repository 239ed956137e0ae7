"""Open the platform's own accounts: where promotional credit comes from and where captured credit goes."""

from django.db import migrations


def open_accounts(apps, schema_editor):
    account = apps.get_model("billing", "Account")
    for kind in ("promo", "revenue"):
        account.objects.get_or_create(team=None, kind=kind, defaults={"materialised": False})


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_ledger_walls")]

    # Nothing to undo: accounts are never deleted, and going back to zero drops the table.
    operations = [migrations.RunPython(open_accounts, migrations.RunPython.noop)]
