"""Addresses of people and teams; sign-in and its like are django-allauth's."""

from django.urls import path

from accounts import staff_views, views

app_name = "accounts"
urlpatterns = [
    path("t/<slug:team_slug>/keys/", views.keys, name="keys"),
    path("t/<slug:team_slug>/keys/create/", views.key_create, name="key_create"),
    path("t/<slug:team_slug>/keys/<uuid:pk>/revoke/", views.key_revoke, name="key_revoke"),
    path("t/<slug:team_slug>/staff-visits/", staff_views.staff_visits, name="staff_visits"),
    path("settings/staff-visits/", staff_views.own_staff_visits, name="own_staff_visits"),
    path("staff-session/end/", staff_views.staff_session_end, name="staff_session_end"),
]
