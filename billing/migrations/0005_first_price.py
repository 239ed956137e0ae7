"""The price the platform starts with: $0.02 per second of 24 frames, twice that with the detail pass."""

from datetime import UTC, datetime

from django.db import migrations

PRODUCT = "fal-ai/ltxv-13b-098-distilled/image-to-video"


def add_price(apps, schema_editor):
    apps.get_model("billing", "PriceVersion").objects.get_or_create(
        product=PRODUCT,
        valid_from=datetime(2025, 1, 1, tzinfo=UTC),
        defaults={"rate_nanos": 20_000_000, "detail_passes": 2},
    )


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_platform_accounts")]

    # Nothing to undo: prices are never deleted, and going back to zero drops the table.
    operations = [migrations.RunPython(add_price, migrations.RunPython.noop)]
