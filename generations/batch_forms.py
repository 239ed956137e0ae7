"""The batch form: what all clips share, and what makes each of them another. The rules are in batch_rows.py."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from accounts.errors import FieldErrors, RowErrors
from generations import batch_rows, parameter_rules
from generations.batch_rows import Row
from generations.forms import CreateForm, picked
from generations.models import BatchKind
from generations.parameters import ClipParams

CSV_MOST: Final = 1_000_000  # characters
NAME_MOST: Final = 100
# What each kind takes from its own field instead of the shared one.
OWN: Final[Mapping[BatchKind, frozenset[str]]] = {
    BatchKind.SEEDS: frozenset({"seed"}),
    BatchKind.MATRIX: frozenset({"prompt", "image"}),
    BatchKind.ROWS: frozenset(),
}


class PictureBoxes(forms.Widget):
    """Several pictures of the team; drawn by templates/generations/batch_pictures.html."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[str]:
        return data.getlist(name) if isinstance(data, MultiValueDict) else []


class BatchForm(CreateForm):
    """The create form for many clips; `rows` is one raw input for each once the form is valid."""

    name = forms.Field(required=False, label="Name", widget=forms.TextInput(attrs={"maxlength": NAME_MOST}))
    seeds = forms.Field(required=False, label="Seeds")
    prompts = forms.Field(required=False, label="Prompts", widget=forms.Textarea(attrs={"rows": 5}))
    images = forms.Field(required=False, label="Pictures", widget=PictureBoxes())
    csv = forms.Field(required=False, label="Table", widget=forms.Textarea(attrs={"rows": 8}))

    def __init__(
        self,
        kind: BatchKind,
        data: QueryDict | None = None,
        files: MultiValueDict[str, Any] | None = None,
        *,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, files, initial={"seeds": "1-4", "images": [], **(initial or {})})
        self.kind = kind
        self.rows: list[Row] = []
        self.row_errors: list[tuple[int, str, str]] = []
        # Pictures and a table that came as files with this very form.
        self.new_images: list[UUID] = []
        self.new_csv: str | None = None
        self.upload_errors: list[str] = []

    def clean(self) -> None:
        """Every row is checked; what all rows share is told at its field, the rest row by row."""
        try:
            self.rows = self.raw_rows()
            batch_rows.clean_rows(self.rows)
        except FieldErrors as error:
            self.add_refusal(error)
        except RowErrors as error:
            self.add_rows(error)
        if len(self.batch_name) > NAME_MOST:
            self.add_error("name", f"A name has at most {NAME_MOST} characters.")
        for sentence in self.upload_errors:
            self.add_error("images" if self.kind == BatchKind.MATRIX else "image", sentence)

    def add_rows(self, error: RowErrors) -> None:
        """What the table says wrong stands row by row; what all clips share is told once, at its field."""
        own = self._columns_of_table()
        self.row_errors = [(row, column, said) for row, column, said in error.errors if column in own]
        if self.row_errors:
            self.add_error("csv", "Some rows need correcting.")
        shared: dict[str, list[str]] = {}
        for _, column, sentence in error.errors:
            said = shared.setdefault(self._field_of(column), [])
            if column not in own and sentence not in said:
                said.append(sentence)
        self.add_refusal(FieldErrors(shared))

    def raw_rows(self) -> list[Row]:
        """One raw input for each clip. Raises FieldErrors and RowErrors for what cannot be taken apart."""
        shared = self._shared()
        match self.kind:
            case BatchKind.SEEDS:
                try:
                    seeds = batch_rows.seeds_of(str(self["seeds"].value() or ""))
                except ValueError as error:
                    raise FieldErrors({"seeds": [str(error)]}) from None
                return batch_rows.seed_rows(shared, seeds)
            case BatchKind.MATRIX:
                return self._matrix(shared)
            case BatchKind.ROWS:
                return batch_rows.merged_rows(shared, batch_rows.csv_rows(self.csv_text))

    def draft_clips(self) -> tuple[list[ClipParams], int]:
        """What the rows would ask for now, for their price, and how many are not far enough to have one."""
        try:
            rows = self.raw_rows()
        except (FieldErrors, RowErrors):
            return [], 0
        clips = []
        for row in rows:
            usable = {name: row[name] for name in row if name not in batch_rows.PICTURE_COLUMNS}
            try:
                clips.append(parameter_rules.clean({**usable, "prompt": "draft"}))
            except FieldErrors:
                continue
        return clips, len(rows) - len(clips)

    @property
    def batch_name(self) -> str:
        return str(self["name"].value() or "").strip()

    @property
    def chosen_images(self) -> list[UUID]:
        """Those that were ticked and those that came along, each once."""
        ticked = [picked(value) for value in self["images"].value() or []]
        return list(dict.fromkeys([pk for pk in ticked if pk] + self.new_images))

    @property
    def csv_text(self) -> str:
        return self.new_csv if self.new_csv is not None else str(self["csv"].value() or "")

    @property
    def prompt_lines(self) -> list[str]:
        lines = str(self["prompts"].value() or "").splitlines()
        return list(dict.fromkeys(line.strip() for line in lines if line.strip()))

    def _matrix(self, shared: Row) -> list[Row]:
        prompts, images = self.prompt_lines, self.chosen_images
        missing: dict[str, list[str]] = {}
        if not prompts:
            missing["prompts"] = ["Write at least one prompt; each line is one."]
        if not images:
            missing["images"] = ["Choose at least one picture."]
        if missing:
            raise FieldErrors(missing)
        if len(prompts) * len(images) > batch_rows.ROWS_READ_MOST:
            raise FieldErrors({"": ["There are too many combinations."]})
        return batch_rows.matrix_rows(shared, prompts, [str(pk) for pk in images])

    def _shared(self) -> Row:
        image = {"image": str(self.image_id)} if self.image_id else {}
        return {name: value for name, value in {**self._raw(), **image}.items() if name not in OWN[self.kind]}

    def _columns_of_table(self) -> set[str]:
        """The names that some row of the table gives a value; "" stands for the row itself."""
        if self.kind != BatchKind.ROWS:
            return set()
        try:
            return {"", *(name for row in batch_rows.csv_rows(self.csv_text) for name in row)}
        except (FieldErrors, RowErrors):
            return {""}

    def _field_of(self, column: str) -> str:
        renamed = {
            BatchKind.SEEDS: {"seed": "seeds"},
            BatchKind.MATRIX: {"prompt": "prompts", "image": "images"},
        }
        return renamed.get(self.kind, {}).get(column, column)
