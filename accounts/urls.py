"""Addresses of people and teams; sign-in and its like are django-allauth's."""

from django.urls import path

from accounts import notification_views, settings_views, staff_views, views

app_name = "accounts"
urlpatterns = [
    path("settings/", settings_views.settings, name="settings"),
    path("settings/profile/", settings_views.profile, name="profile"),
    path("settings/display/", settings_views.display, name="display"),
    path("settings/theme/", settings_views.theme, name="theme"),
    path("settings/notifications/", notification_views.notification_choices, name="notification_choices"),
    path("notifications/", notification_views.notifications, name="notifications"),
    path("notifications/read/", notification_views.notifications_read, name="notifications_read"),
    path("notifications/<int:pk>/open/", notification_views.notification_open, name="notification_open"),
    path("notifications/<int:pk>/read/", notification_views.notification_read, name="notification_read"),
    path("unsubscribe/<str:token>/", notification_views.unsubscribe, name="unsubscribe"),
    path("t/<slug:team_slug>/keys/", views.keys, name="keys"),
    path("t/<slug:team_slug>/keys/create/", views.key_create, name="key_create"),
    path("t/<slug:team_slug>/keys/<uuid:pk>/revoke/", views.key_revoke, name="key_revoke"),
    path("t/<slug:team_slug>/staff-visits/", staff_views.staff_visits, name="staff_visits"),
    path("settings/staff-visits/", staff_views.own_staff_visits, name="own_staff_visits"),
    path("staff-session/end/", staff_views.staff_session_end, name="staff_session_end"),
]
