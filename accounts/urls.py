"""Addresses of people and teams; sign-in and its like are django-allauth's."""

from django.urls import path

from accounts import settings_views, staff_views, views

app_name = "accounts"
urlpatterns = [
    path("settings/", settings_views.settings, name="settings"),
    path("settings/profile/", settings_views.profile, name="profile"),
    path("settings/display/", settings_views.display, name="display"),
    path("settings/theme/", settings_views.theme, name="theme"),
    path("t/<slug:team_slug>/keys/", views.keys, name="keys"),
    path("t/<slug:team_slug>/keys/create/", views.key_create, name="key_create"),
    path("t/<slug:team_slug>/keys/<uuid:pk>/revoke/", views.key_revoke, name="key_revoke"),
    path("t/<slug:team_slug>/staff-visits/", staff_views.staff_visits, name="staff_visits"),
    path("settings/staff-visits/", staff_views.own_staff_visits, name="own_staff_visits"),
    path("staff-session/end/", staff_views.staff_session_end, name="staff_session_end"),
]
