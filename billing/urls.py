"""Addresses of billing's pages."""

from django.urls import path

from billing import purchase_views, views, webhooks

app_name = "billing"

urlpatterns = [
    path("pricing/", views.pricing, name="pricing"),
    path("t/<slug:team_slug>/billing/", purchase_views.home, name="home"),
    path("t/<slug:team_slug>/billing/buy/", purchase_views.buy, name="buy"),
    path("t/<slug:team_slug>/billing/purchases/<int:pk>/", purchase_views.purchase, name="purchase"),
    path("t/<slug:team_slug>/billing/purchases/<int:pk>/pay/", purchase_views.pay, name="pay"),
    path("t/<slug:team_slug>/billing/portal/", purchase_views.portal, name="portal"),
    path("t/<slug:team_slug>/billing/recharge/", purchase_views.recharge_set, name="recharge"),
    path("t/<slug:team_slug>/billing/recharge/stop/", purchase_views.recharge_stop, name="recharge_stop"),
    path("webhooks/stripe/", webhooks.stripe_webhook, name="stripe_webhook"),
]
