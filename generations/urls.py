"""Addresses of pictures and clips, and where fal reports."""

from django.urls import path

from generations import batch_views, home_views, line_views, media, recipe_pages, views, webhooks

app_name = "generations"

urlpatterns = [
    path("t/<slug:team_slug>/", home_views.home, name="home"),
    path("t/<slug:team_slug>/sample/", home_views.sample, name="sample"),
    path("t/<slug:team_slug>/first-steps/hide/", home_views.first_steps_hide, name="first_steps_hide"),
    path("t/<slug:team_slug>/create/", views.create, name="create"),
    path("t/<slug:team_slug>/price/", views.price, name="price"),
    path("t/<slug:team_slug>/images/", views.image_upload, name="image_upload"),
    path("t/<slug:team_slug>/clips/", views.clips, name="clips"),
    path("t/<slug:team_slug>/clips/updates/", views.clip_updates, name="clip_updates"),
    path("t/<slug:team_slug>/clips/<uuid:pk>/", views.clip, name="clip"),
    path("t/<slug:team_slug>/clips/<uuid:pk>/extend/", views.extend, name="extend"),
    path("t/<slug:team_slug>/clips/<uuid:pk>/cancel/", views.cancel, name="cancel"),
    path("t/<slug:team_slug>/clips/<uuid:pk>/recipe.json", recipe_pages.recipe_file, name="recipe"),
    path("t/<slug:team_slug>/clips/<uuid:pk>/pause/", line_views.pause, name="pause"),
    path("t/<slug:team_slug>/clips/<uuid:pk>/resume/", line_views.resume, name="resume"),
    path("t/<slug:team_slug>/clips/<uuid:pk>/run-next/", line_views.first, name="run_next"),
    path("t/<slug:team_slug>/clips/<uuid:pk>/edit/", line_views.edit, name="edit"),
    path("t/<slug:team_slug>/batches/", batch_views.batches, name="batches"),
    path("t/<slug:team_slug>/batches/new/", batch_views.batch_create, name="batch_create"),
    path("t/<slug:team_slug>/batches/price/", batch_views.batch_price, name="batch_price"),
    path("t/<slug:team_slug>/batches/<uuid:pk>/", batch_views.batch, name="batch"),
    path("t/<slug:team_slug>/batches/<uuid:pk>/cancel/", batch_views.batch_cancel, name="batch_cancel"),
    path("media/<str:token>/<str:name>", media.serve_media, name="media"),
    path("webhooks/fal/<uuid:token>/", webhooks.fal_webhook, name="fal_webhook"),
]
