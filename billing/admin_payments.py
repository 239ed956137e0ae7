"""Staff screens about payments: purchases and what came after them, and Stripe's deliveries."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from accounts.errors import DomainError
from accounts.staff_site import ReadOnlyAdmin, ReadOnlyTable
from billing.models import Dispute, FraudWarning, Purchase, PurchaseState, Recharge, Refund, StripeReceipt
from billing.models.purchases import MICROS_PER_CENT
from billing.money import format_balance, format_exact, parse_dollars
from billing.services import following, stripe_receipts, stripe_refunds
from billing.services.stripe_disputes import mark_reviewed

TONES = {
    PurchaseState.PAID: "success",
    PurchaseState.OPEN: "info",
    PurchaseState.FAILED: "danger",
    PurchaseState.EXPIRED: "warning",
}


class RefundForm(forms.Form):
    """What goes back, in dollars with tax, and why."""

    amount = forms.CharField(label="Amount in US dollars, with tax", widget=UnfoldAdminTextInputWidget)
    reason = forms.CharField(label="Reason", max_length=200, widget=UnfoldAdminTextInputWidget)

    def clean_amount(self) -> int:
        """In cents."""
        try:
            cents, part = divmod(parse_dollars(self.cleaned_data["amount"]), MICROS_PER_CENT)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
        if part or not cents:
            raise forms.ValidationError("Money goes back in whole cents, above zero.")
        return cents


class RefundTable(ReadOnlyTable):
    model = Refund
    fields = readonly_fields = (
        "stripe_id",
        "gross_cents",
        "state",
        "posted",
        "actor",
        "reason",
        "created_at",
    )


class DisputeTable(ReadOnlyTable):
    model = Dispute
    fields = readonly_fields = ("stripe_id", "gross_cents", "state", "frozen", "posted", "created_at")


@admin.register(Purchase)
class PurchaseAdmin(ReadOnlyAdmin):
    list_display = ("id", "team", "status", "dollars", "paid", "origin", "created_at", "paid_at")
    list_filter = ("state", "origin", "created_at")
    list_select_related = ("team",)
    search_fields = ("team__slug", "payment_intent__exact", "charge__exact", "checkout_session__exact")
    search_help_text = "Team by id or short name; Stripe's id of a session, payment or charge."
    uuid_lookups = ("team",)
    ordering = ("-id",)
    inlines = (RefundTable, DisputeTable)
    actions = ("look_at_stripe",)
    actions_detail = ("refund",)
    fields = readonly_fields = (
        "id",
        "team",
        "state",
        "origin",
        "dollars",
        "paid",
        "tax_cents",
        "actor",
        "checkout_session",
        "payment_intent",
        "charge",
        "last_error",
        "created_at",
        "paid_at",
    )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {"look_at_stripe": self.get_action("look_at_stripe")}

    @admin.action(description="Ask Stripe what became of it")
    def look_at_stripe(self, request: HttpRequest, purchases: QuerySet[Purchase]) -> None:
        for purchase in purchases.filter(payment__isnull=False)[:20]:
            found = following.follow_purchase(
                purchase_id=purchase.pk, actor=f"staff:{request.user.pk}", clock=timezone.now
            )
            said = found.payment.error or found.get_state_display()
            self.message_user(request, f"Purchase {found.pk}: {said}.", messages.INFO)

    @action(description="Refund", url_path="refund", permissions=["view"])
    def refund(self, request: HttpRequest, object_id: int) -> HttpResponse:
        purchase = get_object_or_404(Purchase.objects.select_related("team"), pk=object_id)
        form = RefundForm(request.POST or None)
        if request.method == "POST" and form.is_valid() and self._refund(request, purchase, form):
            return redirect(reverse("admin:billing_purchase_change", args=[purchase.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Refund purchase {purchase.pk} of {purchase.team}",
            "form": form,
            "purchase": purchase,
            "paid": format_balance(purchase.gross_cents * MICROS_PER_CENT),
        }
        return render(request, "billing/staff/refund.html", context, status=422 if form.errors else 200)

    def _refund(self, request: HttpRequest, purchase: Purchase, form: RefundForm) -> bool:
        try:
            refund = stripe_refunds.refund_purchase(
                purchase=purchase,
                gross_cents=form.cleaned_data["amount"],
                actor=f"staff:{request.user.pk}",
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
        except (DomainError, ValueError) as error:
            form.add_error(None, str(error))
            return False
        self.message_user(request, f"Refund {refund.pk}: {refund.get_state_display()}.", messages.SUCCESS)
        return True

    @display(description="state", ordering="state", label=TONES)
    def status(self, purchase: Purchase) -> tuple[str, str]:
        return purchase.state, purchase.get_state_display()

    @display(description="credit", ordering="credit")
    def dollars(self, purchase: Purchase) -> str:
        return format_exact(purchase.credit)

    @display(description="to pay, with tax", ordering="gross_cents")
    def paid(self, purchase: Purchase) -> str:
        return format_balance(purchase.gross_cents * MICROS_PER_CENT)

    @display(description="what Stripe said last")
    def last_error(self, purchase: Purchase) -> str:
        payment = getattr(purchase, "payment", None)
        return (payment.error or payment.failure) if payment else ""


@admin.register(StripeReceipt)
class StripeReceiptAdmin(ReadOnlyAdmin):
    """Deliveries as they came. What failed stays here with its error until it is replayed or retried."""

    list_display = ("event_id", "kind", "received_at", "processed_at", "attempts", "short_error")
    list_filter = ("kind", ("processed_at", admin.EmptyFieldListFilter), "received_at")
    search_fields = ("event_id__exact", "object_id__exact")
    search_help_text = "Stripe's id of an event or of its object."
    ordering = ("-id",)
    actions = ("replay",)
    fields = readonly_fields = (
        "event_id",
        "kind",
        "object_id",
        "received_at",
        "processed_at",
        "due_at",
        "attempts",
        "error",
        "payload",
    )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {"replay": self.get_action("replay")}

    @admin.action(description="Process again")
    def replay(self, request: HttpRequest, receipts: QuerySet[StripeReceipt]) -> None:
        ids = list(receipts.order_by("pk").values_list("pk", flat=True))
        for receipt_id in ids:
            stripe_receipts.replay_receipt(receipt_id=receipt_id, now=timezone.now())
        self.message_user(request, f"{len(ids)} deliveries are processed again.", messages.SUCCESS)

    @display(description="error")
    def short_error(self, receipt: StripeReceipt) -> str:
        return receipt.error[:80]


@admin.register(FraudWarning)
class FraudWarningAdmin(ReadOnlyAdmin):
    list_display = ("stripe_id", "purchase", "fraud_type", "actionable", "reviewed_by", "created_at")
    list_filter = ("actionable", ("reviewed_by", admin.EmptyFieldListFilter))
    list_select_related = ("purchase",)
    search_fields = ("stripe_id__exact", "purchase__team__slug")
    ordering = ("-id",)
    actions = ("reviewed",)
    fields = readonly_fields = (
        "stripe_id",
        "purchase",
        "fraud_type",
        "actionable",
        "reviewed_by",
        "created_at",
    )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {"reviewed": self.get_action("reviewed")}

    @admin.action(description="I have looked at it")
    def reviewed(self, request: HttpRequest, warnings: QuerySet[FraudWarning]) -> None:
        count = mark_reviewed(warnings=warnings, by=f"staff:{request.user.pk}")
        self.message_user(request, f"{count} marked.", messages.SUCCESS)


@admin.register(Recharge)
class RechargeAdmin(ReadOnlyAdmin):
    list_display = ("id", "team", "state", "failure", "purchase", "created_at", "ended_at")
    list_filter = ("state", "created_at")
    list_select_related = ("team", "purchase")
    search_fields = ("team__slug", "failure__exact")
    uuid_lookups = ("team",)
    ordering = ("-id",)
    fields = readonly_fields = (
        "id",
        "team",
        "purchase",
        "payment_method",
        "state",
        "failure",
        "created_at",
        "ended_at",
    )
