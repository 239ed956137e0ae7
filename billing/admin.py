"""Staff screens for the books: every row to read and search, none to change."""

from django.contrib import admin
from django.db.models import BigIntegerField, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from unfold.decorators import display

from accounts.staff_site import ReadOnlyAdmin, ReadOnlyTable
from billing import admin_payments as admin_payments  # its screens join these
from billing.models import Account, Entry, Hold, HoldState, PriceVersion, Transaction
from billing.money import format_exact
from billing.services.pricing import DEFAULT_FRAMES, price_of


class EntryTable(ReadOnlyTable):
    model = Entry
    fields = readonly_fields = ("account", "dollars", "after", "version")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Entry]:
        entries: QuerySet[Entry] = super().get_queryset(request)
        return entries.select_related("account").order_by("pk")

    @display(description="amount")
    def dollars(self, entry: Entry) -> str:
        return format_exact(entry.amount)

    @display(description="balance after")
    def after(self, entry: Entry) -> str:
        return format_exact(entry.balance_after)


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Platform accounts keep no balance in their row: it is the sum of their entries."""

    list_display = ("id", "team", "kind", "dollars", "version", "lowest")
    list_filter = ("kind", "materialised")
    list_select_related = ("team",)
    search_fields = ("team__slug", "team__name")
    search_help_text = "Team by id, name or short name."
    uuid_lookups = ("team",)
    ordering = ("-id",)
    fields = readonly_fields = ("id", "team", "kind", "materialised", "dollars", "version", "lowest")

    @display(description="balance", ordering="balance")
    def dollars(self, account: Account) -> str:
        return format_exact(account.balance if account.materialised else None)

    @display(description="floor")
    def lowest(self, account: Account) -> str:
        return format_exact(account.floor)


@admin.register(Transaction)
class TransactionAdmin(ReadOnlyAdmin):
    list_display = ("key", "kind", "team", "dollars", "actor", "created_at")
    list_filter = ("kind", "created_at")
    list_select_related = ("team",)
    search_fields = ("key__exact", "actor__exact", "team__slug")
    search_help_text = "Key, actor, short name of a team; id of a team or a clip."
    uuid_lookups = ("team", "hold__attempt")
    ordering = ("-id",)
    inlines = (EntryTable,)
    fields = readonly_fields = (
        "id",
        "key",
        "kind",
        "team",
        "hold",
        "actor",
        "reason",
        "created_at",
        "effective_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Transaction]:
        credits_of_row = Entry.objects.filter(transaction=OuterRef("pk"), amount__gt=0).values("transaction")
        moved = Subquery(credits_of_row.values(total=Sum("amount")), output_field=BigIntegerField())
        transactions: QuerySet[Transaction] = super().get_queryset(request)
        return transactions.annotate(moved=moved)

    @display(description="moved")
    def dollars(self, transaction: Transaction) -> str:
        return format_exact(transaction.moved)  # type: ignore[attr-defined]


class TransactionTable(ReadOnlyTable):
    model = Transaction
    fields = readonly_fields = ("key", "kind", "actor", "created_at")
    show_change_link = True


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = ("attempt", "status", "team", "held", "paid", "returned", "created_at", "settled_at")
    list_filter = ("state", "created_at")
    list_select_related = ("team",)
    search_fields = ("team__slug",)
    search_help_text = "Id of a clip or a team; short name of a team."
    uuid_lookups = ("attempt", "team")
    ordering = ("-id",)
    inlines = (TransactionTable,)
    fields = readonly_fields = (
        "id",
        "attempt",
        "state",
        "team",
        "held",
        "paid",
        "returned",
        "num_frames",
        "passes",
        "rate",
        "price_version",
        "created_at",
        "expires_at",
        "settled_at",
    )

    @display(description="state", label={HoldState.OPEN: "warning", HoldState.SETTLED: "success"})
    def status(self, hold: Hold) -> tuple[str, str]:
        return hold.state, hold.get_state_display()

    @display(description="held", ordering="amount")
    def held(self, hold: Hold) -> str:
        return format_exact(hold.amount)

    @display(description="captured", ordering="captured")
    def paid(self, hold: Hold) -> str:
        return format_exact(hold.captured)

    @display(description="released", ordering="released")
    def returned(self, hold: Hold) -> str:
        return format_exact(hold.released)

    @display(description="rate per billed second")
    def rate(self, hold: Hold) -> str:
        return rate_in_dollars(hold.rate_nanos)


@admin.register(PriceVersion)
class PriceVersionAdmin(ReadOnlyAdmin):
    list_display = ("product", "valid_from", "rate", "default_clip", "detail_passes")
    list_filter = ("product",)
    ordering = ("-valid_from",)
    fields = readonly_fields = ("product", "valid_from", "rate", "default_clip", "detail_passes")

    @display(description="rate per billed second")
    def rate(self, version: PriceVersion) -> str:
        return rate_in_dollars(version.rate_nanos)

    @display(description=f"clip of {DEFAULT_FRAMES} frames")
    def default_clip(self, version: PriceVersion) -> str:
        return format_exact(price_of(rate_nanos=version.rate_nanos, num_frames=DEFAULT_FRAMES, passes=1))


def rate_in_dollars(nanos: int) -> str:
    """n$ to the last digit; rates are finer than the books."""
    whole, part = divmod(nanos, 10**9)
    return f"${whole}." + f"{part:09d}".rstrip("0").ljust(2, "0")
