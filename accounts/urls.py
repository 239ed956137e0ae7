"""Addresses of people and teams; sign-in and its like are django-allauth's."""

from django.urls import path

from accounts import (
    invitation_views,
    member_views,
    notification_views,
    project_views,
    security_views,
    settings_views,
    staff_views,
    team_views,
    views,
)

app_name = "accounts"
urlpatterns = [
    path("settings/", settings_views.settings, name="settings"),
    path("settings/profile/", settings_views.profile, name="profile"),
    path("settings/display/", settings_views.display, name="display"),
    path("settings/theme/", settings_views.theme, name="theme"),
    path("teams/new/", team_views.team_create, name="team_create"),
    path("t/<slug:team_slug>/members/", member_views.members, name="members"),
    path("t/<slug:team_slug>/members/<int:pk>/role/", member_views.member_role, name="member_role"),
    path("t/<slug:team_slug>/members/<int:pk>/remove/", member_views.member_remove, name="member_remove"),
    path("t/<slug:team_slug>/members/invite/", invitation_views.invite, name="invite"),
    path(
        "t/<slug:team_slug>/invitations/<uuid:pk>/resend/",
        invitation_views.invitation_resend,
        name="invitation_resend",
    ),
    path(
        "t/<slug:team_slug>/invitations/<uuid:pk>/revoke/",
        invitation_views.invitation_revoke,
        name="invitation_revoke",
    ),
    path("invitations/<str:token>/", invitation_views.invitation_open, name="invitation_open"),
    path("invitation/", invitation_views.invitation, name="invitation"),
    path("invitation/accept/", invitation_views.invitation_accept, name="invitation_accept"),
    path("invitation/decline/", invitation_views.invitation_decline, name="invitation_decline"),
    path("t/<slug:team_slug>/leave/", member_views.leave, name="leave"),
    path("t/<slug:team_slug>/settings/", team_views.team_settings, name="team_settings"),
    path("t/<slug:team_slug>/settings/share/", team_views.team_share, name="team_share"),
    path("t/<slug:team_slug>/settings/owner/", team_views.team_hand_over, name="team_hand_over"),
    path("accounts/security/", security_views.security, name="security"),
    path("accounts/security/sessions/<int:pk>/end/", security_views.session_end, name="session_end"),
    path("accounts/security/again/", security_views.sign_in_again, name="sign_in_again"),
    path("accounts/security/sessions/end/", security_views.sessions_end, name="sessions_end"),
    path("t/<slug:team_slug>/security/", security_views.team_security, name="team_security"),
    path("settings/notifications/", notification_views.notification_choices, name="notification_choices"),
    path("notifications/", notification_views.notifications, name="notifications"),
    path("notifications/read/", notification_views.notifications_read, name="notifications_read"),
    path("notifications/<int:pk>/open/", notification_views.notification_open, name="notification_open"),
    path("notifications/<int:pk>/read/", notification_views.notification_read, name="notification_read"),
    path("unsubscribe/<str:token>/", notification_views.unsubscribe, name="unsubscribe"),
    path("t/<slug:team_slug>/keys/", views.keys, name="keys"),
    path("t/<slug:team_slug>/keys/create/", views.key_create, name="key_create"),
    path("t/<slug:team_slug>/keys/<uuid:pk>/", views.key, name="key"),
    path("t/<slug:team_slug>/keys/<uuid:pk>/change/", views.key_change, name="key_change"),
    path("t/<slug:team_slug>/keys/<uuid:pk>/rotate/", views.key_rotate, name="key_rotate"),
    path("t/<slug:team_slug>/keys/<uuid:pk>/end-old/", views.key_end_old, name="key_end_old"),
    path("t/<slug:team_slug>/keys/<uuid:pk>/revoke/", views.key_revoke, name="key_revoke"),
    path("t/<slug:team_slug>/staff-visits/", staff_views.staff_visits, name="staff_visits"),
    path("settings/staff-visits/", staff_views.own_staff_visits, name="own_staff_visits"),
    path("staff-session/end/", staff_views.staff_session_end, name="staff_session_end"),
    path("t/<slug:team_slug>/projects/", project_views.projects, name="projects"),
    path("t/<slug:team_slug>/projects/create/", project_views.project_create, name="project_create"),
    path(
        "t/<slug:team_slug>/projects/<uuid:pk>/rename/", project_views.project_rename, name="project_rename"
    ),
    path(
        "t/<slug:team_slug>/projects/<uuid:pk>/archive/",
        project_views.project_archive,
        name="project_archive",
    ),
    path(
        "t/<slug:team_slug>/projects/<uuid:pk>/restore/",
        project_views.project_restore,
        name="project_restore",
    ),
]
