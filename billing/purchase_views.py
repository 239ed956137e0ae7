"""The billing home, and buying: by hand on Stripe's page, or by itself."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.errors import DomainError
from accounts.http import TeamRequest, page_or_fragment, recent_sign_in, requires
from accounts.moments import moment
from accounts.permissions import BILLING_MANAGE, BILLING_VIEW
from billing.models import Purchase, PurchaseOrigin, RechargeRule
from billing.models.purchases import MICROS_PER_CENT
from billing.money import MICROS, format_balance
from billing.purchase_forms import BuyForm, RechargeForm, recharge_initial
from billing.sections import billing_tabs
from billing.services import checkout, customers, default_clip_price, following, recharge, refusals
from billing.services.forecast import forecast_of
from billing.services.purchase_pages import history_of, overview_of


class SeeOther(HttpResponse):
    """303: go on with GET at an address that may be Stripe's."""

    status_code = 303

    def __init__(self, address: str) -> None:
        super().__init__(headers={"Location": address})


@require_safe
@never_cache  # a form's key is for one visitor
@requires(BILLING_VIEW)
def home(request: TeamRequest) -> HttpResponse:
    return _home(request)


@require_POST
@requires(BILLING_MANAGE)
def buy(request: TeamRequest) -> HttpResponse:
    form = BuyForm(request.POST)
    if not form.is_valid():
        return _home(request, buy=form, status=422)
    try:
        address = checkout.start_checkout(
            actor=request.actor,
            amount=form.chosen_amount(),
            form_key=form.cleaned_data["form_key"],
            keep_card=form.cleaned_data["keep_card"],
            page_url=lambda purchase_id: _page(request, purchase_id),
            now=timezone.now(),
        )
    except checkout.AmountRefused as error:
        form.add_error("amount", error.message)
        return _home(request, buy=form, status=422)
    except refusals.TeamFrozen as error:
        form.add_error(None, error.message)
        return _home(request, buy=form, status=422)
    except (customers.PaymentsUnavailable, checkout.NotPayable) as error:
        form.add_error(None, error.message)
        return _home(request, buy=form, status=503)
    return SeeOther(address)


@require_safe
@never_cache
@requires(BILLING_VIEW)
def purchase(request: TeamRequest, pk: int) -> HttpResponse:
    """One purchase. Where Stripe sends people back to: while it is not decided, the page asks Stripe, and again."""
    found = get_object_or_404(Purchase.objects.select_related("payment", "team"), pk=pk, team=request.team)
    found = following.follow_for_visitor(purchase=found, actor=request.actor.label, clock=timezone.now)
    refunds, disputes = history_of(found)
    came_from = request.GET.get("from", "")
    payable = checkout.is_open_page(found, found.payment, now=timezone.now())
    context = {
        "purchase": found,
        "payment": found.payment,
        "refunds": refunds,
        "disputes": disputes,
        "canceled": came_from == "canceled",
        # Whoever has just paid waits for the bank; whoever came back without paying waits for nothing.
        "waits": not found.is_paid and (found.payment.is_processing or (came_from == "stripe" and payable)),
        "payable": payable and request.actor.may(BILLING_MANAGE),
        "price": format_balance(found.credit),
        "facts": _facts(found),
    }
    return page_or_fragment(request, "billing/purchase.html", "status", context)


@require_POST
@requires(BILLING_MANAGE)
def pay(request: TeamRequest, pk: int) -> HttpResponse:
    """Go on with a purchase that is not paid."""
    found = get_object_or_404(Purchase.objects.select_related("payment", "team"), pk=pk, team=request.team)
    try:
        address = checkout.open_checkout(
            actor=request.actor,
            purchase=found,
            page_url=lambda purchase_id: _page(request, purchase_id),
            now=timezone.now(),
        )
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("billing:purchase", request.team.slug, pk)
    return SeeOther(address)


@require_POST
@requires(BILLING_MANAGE)
@recent_sign_in
def portal(request: TeamRequest) -> HttpResponse:
    back = request.build_absolute_uri(reverse("billing:home", args=[request.team.slug]))
    try:
        return SeeOther(customers.open_portal(actor=request.actor, return_url=back))
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("billing:home", request.team.slug)


@require_POST
@requires(BILLING_MANAGE)
@recent_sign_in
def recharge_set(request: TeamRequest) -> HttpResponse:
    form = RechargeForm(request.POST)
    if not form.is_valid():
        return _home(request, rule=form, status=422)
    try:
        recharge.set_recharge(actor=request.actor, now=timezone.now(), **form.cleaned_data)
    except checkout.AmountRefused as error:
        form.add_error(None, error.message)
        return _home(request, rule=form, status=422)
    messages.success(request, "From now on, credit is bought automatically.")
    return redirect("billing:home", request.team.slug)


@require_POST
@requires(BILLING_MANAGE)
def recharge_stop(request: TeamRequest) -> HttpResponse:
    recharge.stop_recharge(actor=request.actor)
    messages.success(request, "Nothing is bought automatically any more.")
    return redirect("billing:home", request.team.slug)


def _home(
    request: TeamRequest, *, buy: BuyForm | None = None, rule: RechargeForm | None = None, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    overview = overview_of(team=request.team, now=now)
    clip = default_clip_price()
    context: dict[str, Any] = {
        "overview": overview,
        "tabs": billing_tabs(request.actor, "billing:home"),
        "buy_form": buy or BuyForm(),
        "recharge_form": rule or RechargeForm(initial=_rule_initial(overview.rule)),
        "may_buy": request.actor.may(BILLING_MANAGE),
        "can_pay": bool(settings.STRIPE_SECRET_KEY),
        "packs": [
            {"dollars": dollars, "clips": dollars * MICROS // clip} for dollars in settings.CREDIT_PACKS
        ],
        "clips_left": f"{max(0, overview.balance.available) // clip:,} default clips",
        "smallest": settings.PURCHASE_MIN,
        "largest": settings.PURCHASE_MAX,
        "forecast": forecast_of(team=request.team, now=now),
    }
    return render(request, "billing/home.html", context, status=status)


def _facts(found: Purchase) -> list[tuple[str, str]]:
    """What was agreed, line by line."""
    facts = [
        ("Purchase", str(found.pk)),
        ("Started", moment(found.created_at)),
        ("Credit", format_balance(found.credit)),
    ]
    if found.tax_cents:
        facts.append(("Tax", format_balance(found.tax_cents * MICROS_PER_CENT)))
    if found.paid_at is not None:
        facts.append(("Paid", format_balance(found.gross_cents * MICROS_PER_CENT)))
        facts.append(("On", moment(found.paid_at)))
    if found.origin == PurchaseOrigin.RECHARGE:
        facts.append(("Bought", "automatically"))
    return facts


def _rule_initial(rule: RechargeRule | None) -> dict[str, str]:
    if rule is None:
        return {"threshold": "10", "credit": "25", "monthly_cap": "100"}
    return recharge_initial(rule.threshold, rule.credit, rule.monthly_cap)


def _page(request: HttpRequest, purchase_id: int) -> str:
    """The absolute address of a purchase's page: Stripe sends people back there."""
    team = request.team  # type: ignore[attr-defined]
    return request.build_absolute_uri(reverse("billing:purchase", args=[team.slug, purchase_id]))
