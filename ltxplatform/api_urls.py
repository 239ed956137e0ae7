"""Addresses of the API and of its description."""

from django.urls import path, re_path

from accounts import api_members, keys_api, projects_api
from billing import api as billing
from billing import budgets_api
from generations import api as generations
from generations import api_batches, api_derived, api_queue
from generations.api_events import GenerationEvents
from generations.recipe_pages import Recipe
from ltxplatform import api_pages

app_name = "api"
urlpatterns = [
    path("docs/", api_pages.docs, name="docs"),
    path("v1/openapi.json", api_pages.openapi, name="openapi"),
    path("v1/balance", billing.Balance.as_view(), name="balance"),
    path("v1/ledger", billing.Ledger.as_view(), name="ledger"),
    path("v1/usage", billing.UsageReport.as_view(), name="usage"),
    path("v1/forecast", billing.ForecastReport.as_view(), name="forecast"),
    path("v1/members", api_members.Members.as_view(), name="members"),
    path("v1/members/<int:pk>", api_members.OneMember.as_view(), name="member"),
    path("v1/invitations", api_members.Invitations.as_view(), name="invitations"),
    path("v1/invitations/<uuid:pk>", api_members.OneInvitation.as_view(), name="invitation"),
    path("v1/invitations/<uuid:pk>/resend", api_members.ResendInvitation.as_view(), name="invitation_resend"),
    path("v1/quotes", generations.Quotes.as_view(), name="quotes"),
    path("v1/uploads", generations.Uploads.as_view(), name="uploads"),
    path("v1/uploads/<uuid:pk>", generations.Upload.as_view(), name="upload"),
    path("v1/generations", generations.Generations.as_view(), name="generations"),
    path("v1/generations/<uuid:pk>", generations.OneGeneration.as_view(), name="generation"),
    path("v1/generations/<uuid:pk>/cancel", generations.CancelGeneration.as_view(), name="cancel"),
    path("v1/generations/<uuid:pk>/events", GenerationEvents.as_view(), name="events"),
    path("v1/generations/<uuid:pk>/recipe", Recipe.as_view(), name="recipe"),
    path("v1/generations/<uuid:pk>/retry", api_derived.Retry.as_view(), name="retry"),
    path("v1/generations/<uuid:pk>/rerun", api_derived.Rerun.as_view(), name="rerun"),
    path("v1/generations/<uuid:pk>/remix", api_derived.Remix.as_view(), name="remix"),
    path("v1/generations/<uuid:pk>/extend", api_derived.Extend.as_view(), name="extend"),
    path("v1/generations/<uuid:pk>/promote", api_derived.Promote.as_view(), name="promote"),
    path("v1/generations/<uuid:pk>/pause", api_queue.PauseGeneration.as_view(), name="pause"),
    path("v1/generations/<uuid:pk>/resume", api_queue.ResumeGeneration.as_view(), name="resume"),
    path("v1/generations/<uuid:pk>/run-next", api_queue.RunNext.as_view(), name="run_next"),
    path("v1/generations/<uuid:pk>/move", api_queue.MoveGeneration.as_view(), name="move"),
    path("v1/generations/<uuid:pk>/input", api_queue.GenerationInputOf.as_view(), name="input"),
    path("v1/batches", api_batches.Batches.as_view(), name="batches"),
    path("v1/batches/quote", api_batches.BatchQuotes.as_view(), name="batch_quote"),
    path("v1/batches/<uuid:pk>", api_batches.OneBatch.as_view(), name="batch"),
    path("v1/batches/<uuid:pk>/cancel", api_batches.CancelBatch.as_view(), name="batch_cancel"),
    path("v1/projects", projects_api.Projects.as_view(), name="projects"),
    path("v1/projects/<uuid:pk>", projects_api.OneProject.as_view(), name="project"),
    path("v1/api-keys", keys_api.ApiKeys.as_view(), name="api_keys"),
    path("v1/api-keys/<uuid:pk>", keys_api.OneApiKey.as_view(), name="api_key"),
    path("v1/api-keys/<uuid:pk>/rotate", keys_api.RotateApiKey.as_view(), name="api_key_rotate"),
    path("v1/budgets", budgets_api.Budgets.as_view(), name="budgets"),
    path("v1/budgets/<int:pk>", budgets_api.OneBudget.as_view(), name="budget"),
    path("v1/models", generations.Models.as_view(), name="models"),
    path("v1/models/<path:model>/schema", generations.ModelSchema.as_view(), name="model_schema"),
    # Programs get a problem document, not the site's page, for an address that does not exist.
    re_path(r"^", api_pages.nothing_here, name="nothing_here"),
]
