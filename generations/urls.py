"""Addresses of pictures and clips, and where fal reports."""

from django.urls import path

from generations import media, recipe_pages, views, webhooks

app_name = "generations"

urlpatterns = [
    path("t/<slug:team_slug>/create/", views.create, name="create"),
    path("t/<slug:team_slug>/price/", views.price, name="price"),
    path("t/<slug:team_slug>/images/", views.image_upload, name="image_upload"),
    path("t/<slug:team_slug>/clips/", views.clips, name="clips"),
    path("t/<slug:team_slug>/clips/updates/", views.clip_updates, name="clip_updates"),
    path("t/<slug:team_slug>/clips/<uuid:pk>/", views.clip, name="clip"),
    path("t/<slug:team_slug>/clips/<uuid:pk>/cancel/", views.cancel, name="cancel"),
    path("t/<slug:team_slug>/clips/<uuid:pk>/recipe.json", recipe_pages.recipe_file, name="recipe"),
    path("media/<str:token>/<str:name>", media.serve_media, name="media"),
    path("webhooks/fal/<uuid:token>/", webhooks.fal_webhook, name="fal_webhook"),
]
