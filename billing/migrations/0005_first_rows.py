"""The platform's own accounts, and the price it starts with: $0.02 per second of 24 frames, twice that with the detail pass."""

from django.db import migrations

ROWS = """
INSERT INTO billing_account (kind, materialised)
    SELECT kind, false FROM unnest(ARRAY[
        'promo', 'revenue', 'clearing', 'dispute_pending', 'provider_funds', 'bank', 'tax_payable', 'breakage', 'adjustment',
        'dispute_loss', 'stripe_fee', 'provider_cost'
    ]) AS kind;

INSERT INTO billing_priceversion (product, rate_nanos, detail_passes, valid_from)
    VALUES ('fal-ai/ltxv-13b-098-distilled/image-to-video', 20000000, 2, '2025-01-01 00:00+00');
"""


class Migration(migrations.Migration):
    replaces = [
        ("billing", "0004_platform_accounts"),
        ("billing", "0005_first_price"),
        ("billing", "0019_lots_for_present_credit"),
    ]
    dependencies = [("billing", "0004_budget_tables")]

    # Nothing to undo: neither is ever deleted, and going back to zero drops the tables.
    operations = [migrations.RunSQL(ROWS, migrations.RunSQL.noop)]
