"""Projects of a team: every write, and which of them new work belongs to."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.actors import Actor
from accounts.audit import record
from accounts.errors import DomainError, FieldErrors
from accounts.models import Project, Team

NAME_LENGTH: Final = 60
MOST: Final = 500
NO_SUCH: Final = "There is no project with this id in this team."


class ProjectNotFound(DomainError):
    code = "not_found"


@transaction.atomic
def create_project(*, actor: Actor, name: str) -> Project:
    """Add a project to the actor's team.

    Raises FieldErrors for an empty or long name, one that the team has already, in whatever case, or one too many.
    """
    name = _clean(name)
    if Project.objects.filter(team=actor.team).count() >= MOST:
        raise FieldErrors({"name": [f"A team has at most {MOST} projects, archived ones included."]})
    project = Project(team=actor.team, name=name, created_by=actor.user)
    _save(project)
    record("project.created", by=actor, about=project, new={"name": name})
    return project


@transaction.atomic
def rename_project(*, actor: Actor, project_id: UUID, name: str) -> Project:
    """Give a project another name, also on what was made under it. Raises ProjectNotFound, FieldErrors."""
    project, name = _locked(actor, project_id), _clean(name)
    before, project.name = project.name, name
    if name != before:
        _save(project)
        record("project.renamed", by=actor, about=project, old={"name": before}, new={"name": name})
    return project


@transaction.atomic
def archive_project(*, actor: Actor, project_id: UUID, now: datetime) -> Project:
    """Let a project take nothing new; what was made under it stays. A repeat keeps the first time.

    Keys that had it as theirs make clips without a project from now on. Raises ProjectNotFound.
    """
    project = _locked(actor, project_id)
    if project.archived_at is None:
        project.archived_at = now
        project.save(update_fields=["archived_at"])
        record("project.archived", by=actor, about=project)
    return project


@transaction.atomic
def restore_project(*, actor: Actor, project_id: UUID) -> Project:
    """Let an archived project take clips again; for one that does, change nothing. Raises ProjectNotFound."""
    project = _locked(actor, project_id)
    if project.archived_at is not None:
        project.archived_at = None
        project.save(update_fields=["archived_at"])
        record("project.restored", by=actor, about=project)
    return project


def project_of(team: Team, project_id: UUID) -> Project:
    """Raises ProjectNotFound, for projects of other teams too."""
    project = Project.objects.filter(team=team, pk=project_id).first()
    if project is None:
        raise ProjectNotFound(NO_SUCH)
    return project


def open_projects(team: Team) -> list[Project]:
    """Those that new clips may belong to, by name."""
    return list(Project.objects.filter(team=team, archived_at=None))


def project_for_work(actor: Actor, project_id: UUID) -> Project:
    """The project that new work is to belong to.

    Raises FieldErrors, at the field `project`, for one that is archived or is not the team's.
    """
    project = Project.objects.filter(team=actor.team, pk=project_id).first()
    if project is None:
        raise FieldErrors({"project": [NO_SUCH]})
    if project.is_archived:
        raise FieldErrors({"project": [f"The project {project.name} is archived. Choose another one."]})
    return project


def usual_project(actor: Actor) -> Project | None:
    """The project of the actor's API key, unless it is archived. Asks nothing where there is none."""
    if actor.key is None or actor.key.project_id is None:
        return None
    return Project.objects.filter(team=actor.team, pk=actor.key.project_id, archived_at=None).first()


def _locked(actor: Actor, project_id: UUID) -> Project:
    found = Project.objects.select_for_update().filter(team=actor.team, pk=project_id).first()
    if found is None:
        raise ProjectNotFound(NO_SUCH)
    return found


def _clean(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())
    if not name:
        raise FieldErrors({"name": ["Give the project a name."]})
    if len(name) > NAME_LENGTH:
        raise FieldErrors({"name": [f"A name has at most {NAME_LENGTH} characters."]})
    return name


def _save(project: Project) -> None:
    try:
        with transaction.atomic():
            project.save()
    except IntegrityError:
        sentence = "Your team already has a project with this name; it may be archived."
        raise FieldErrors({"name": [sentence]}) from None
