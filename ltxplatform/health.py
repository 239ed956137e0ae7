"""Probes: is the process up, and can it serve."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError
from django.http import HttpRequest, JsonResponse


@login_not_required
def health(_request: HttpRequest) -> JsonResponse:
    """Touches nothing: a slow database must not make an orchestrator kill the web process."""
    return JsonResponse({"status": "ok"})


@login_not_required
def ready(_request: HttpRequest) -> JsonResponse:
    """200 when the database answers and no migration is missing, else 503 with the reason."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return JsonResponse({"status": "unavailable", "reason": "database"}, status=503)
    if pending:
        return JsonResponse({"status": "unavailable", "reason": "migrations"}, status=503)
    return JsonResponse({"status": "ok"})
