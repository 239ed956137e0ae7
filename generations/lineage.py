"""What clips are to each other, in the creators' words: what one was made from, and what can be made from it."""

from dataclasses import dataclass
from typing import Final

from generations.models import Generation, Image, Relation
from generations.presentation import ClipView
from generations.selectors import clips_of
from generations.services import why_not

CHILDREN_SHOWN: Final = 12
# What a ready clip's page offers, with the words and the icon of the button.
NEXT_STEPS: Final = (
    (Relation.PROMOTE, "Promote to final", "sparkles"),
    (Relation.RERUN, "Re-run", "repeat"),
    (Relation.REMIX, "Remix", "shuffle"),
)
NOTES: Final = {
    Relation.RETRY: "The same picture and settings once more.",
    Relation.RERUN: "The same picture and settings, with the seed and the prompt that were really used.",
    Relation.REMIX: "The same picture and settings with a new seed: a variation.",
    Relation.PROMOTE: "The draft's seed and prompt in 720p with the detail pass. Another length changes the motion.",
}


NOUNS: Final = {
    Relation.RETRY: "Another try",
    Relation.RERUN: "Repeat",
    Relation.REMIX: "Variation",
    Relation.EXTEND: "Continuation",
    Relation.PROMOTE: "Final version",
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something to make from a clip on the create form."""

    words: str
    icon: str
    url: str


@dataclass(frozen=True, slots=True)
class Kin:
    """Another clip, and what one of the two is to the other; `picture` is what a continuation starts from."""

    view: ClipView
    relation: Relation
    picture: Image | None = None

    @property
    def words(self) -> str:
        """ "Continues", to be followed by the title of the clip it was made from."""
        return str(self.relation.label)

    @property
    def noun(self) -> str:
        """What a clip made from another one is to it."""
        return NOUNS[self.relation]

    @property
    def continues(self) -> bool:
        return self.relation == Relation.EXTEND

    @property
    def note(self) -> str:
        if not self.continues:
            return NOTES[self.relation]
        if self._chosen is None:
            return "Choose the frame that the new clip starts from."
        return f"Starts from frame {self.frame} of {self.view.clip.frames}."

    @property
    def frame(self) -> int:
        """The frame it starts from, counted from 1; the last one while none is chosen."""
        return self.view.clip.frames if self._chosen is None else self._chosen + 1

    @property
    def _chosen(self) -> int | None:
        ours = self.picture is not None and self.picture.from_clip_id == self.view.clip.pk
        return self.picture.from_frame if self.picture is not None and ours else None


def parent_of(clip: Generation) -> Kin | None:
    """The clip it was made from; one query when there is one."""
    if clip.parent_id is None:
        return None
    return Kin(ClipView(clips_of(clip.team).get(pk=clip.parent_id)), Relation(clip.relation))


def children_of(clip: Generation) -> list[Kin]:
    """The latest clips made from this one."""
    children = clips_of(clip.team).filter(parent=clip)[:CHILDREN_SHOWN]
    return [Kin(ClipView(child), Relation(child.relation)) for child in children]


def next_steps(view: ClipView) -> list[Step]:
    """What can be made from a ready clip, beside continuing it."""
    return [
        Step(words, icon, derived_url(view, relation))
        for relation, words, icon in NEXT_STEPS
        if view.is_ready and not why_not(view.clip, relation)
    ]


def derived_url(view: ClipView, relation: Relation) -> str:
    return f"{view.again}&as={relation.value}"
