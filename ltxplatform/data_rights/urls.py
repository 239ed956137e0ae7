"""Addresses of the data pages: a team's, for its owners, and one's own."""

from django.urls import path

from ltxplatform.data_rights import views

app_name = "data_rights"
urlpatterns = [
    path("t/<slug:team_slug>/data/", views.team_data, name="team_data"),
    path("t/<slug:team_slug>/data/export/", views.team_export, name="team_export"),
    path("t/<slug:team_slug>/data/exports/<uuid:pk>.zip", views.team_export_file, name="team_export_file"),
    path("t/<slug:team_slug>/data/delete/", views.team_delete, name="team_delete"),
    path("t/<slug:team_slug>/data/delete/undo/", views.team_delete_undo, name="team_delete_undo"),
    path("settings/data/delete/", views.own_delete, name="own_delete"),
    path("settings/data/delete/undo/", views.own_delete_undo, name="own_delete_undo"),
    path("settings/data/", views.own_data, name="own_data"),
    path("settings/data/export/", views.own_export, name="own_export"),
    path("settings/data/exports/<uuid:pk>.zip", views.own_export_file, name="own_export_file"),
]
