"""Addresses of billing's pages."""

from django.urls import path

from billing import budget_views, purchase_views, statement_views, usage_views, views, webhooks

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
    path("t/<slug:team_slug>/billing/statement/", statement_views.statement, name="statement"),
    path("t/<slug:team_slug>/billing/statement.csv", statement_views.statement_file, name="statement_file"),
    path("t/<slug:team_slug>/billing/books/", statement_views.books, name="books"),
    path("t/<slug:team_slug>/billing/usage/", usage_views.usage, name="usage"),
    path("t/<slug:team_slug>/billing/usage.csv", usage_views.usage_file, name="usage_file"),
    path("t/<slug:team_slug>/billing/budgets/", budget_views.budgets, name="budgets"),
    path("t/<slug:team_slug>/billing/budgets/set/", budget_views.limit_set, name="limit_set"),
    path("t/<slug:team_slug>/billing/budgets/<int:pk>/ask/", budget_views.ask, name="ask"),
    path(
        "t/<slug:team_slug>/billing/budgets/<int:pk>/change/", budget_views.limit_change, name="limit_change"
    ),
    path("t/<slug:team_slug>/billing/budgets/<int:pk>/raise/", budget_views.limit_raise, name="limit_raise"),
    path(
        "t/<slug:team_slug>/billing/budgets/<int:pk>/remove/", budget_views.limit_remove, name="limit_remove"
    ),
    path(
        "t/<slug:team_slug>/billing/requests/<int:pk>/approve/",
        budget_views.request_approve,
        name="request_approve",
    ),
    path(
        "t/<slug:team_slug>/billing/requests/<int:pk>/decline/",
        budget_views.request_decline,
        name="request_decline",
    ),
]
