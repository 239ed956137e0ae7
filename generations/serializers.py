"""Shapes of JSON in and out; every rule is elsewhere."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.serializers import MoneyField
from generations import input_schema
from generations.models import BatchKind, Relation
from generations.states import Status

URL_HELP = "Opens the file without a key until `expires_at`. Ask again for a fresh one."


class GenerationInput(serializers.Serializer[Any]):
    """The model's inputs by fal's names. Its description is made from the parameter table."""


class GenerationOrder(serializers.Serializer[Any]):
    """The same inputs, and the quote that the clip is ordered by."""


class EditInput(serializers.Serializer[Any]):
    """The same inputs, none of them required, and the project that the clip is for."""


class QuoteInput(serializers.Serializer[Any]):
    """The same inputs, none of them required."""


class ChangesInput(serializers.Serializer[Any]):
    """What is different from the clip it is made from: any parameter, none of them required."""


class ProjectChoice(serializers.Serializer[Any]):
    """Which project the clip counts for, if not for that of the clip it is made from."""


class ExtendInput(ChangesInput):
    """Which frame the new clip starts from, and what else is different."""


class ChangesInputSchema(OpenApiSerializerExtension):
    target_class = ChangesInput

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return input_schema.changes_input()


class ProjectChoiceSchema(OpenApiSerializerExtension):
    target_class = ProjectChoice

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return input_schema.project_input()


class ExtendInputSchema(OpenApiSerializerExtension):
    target_class = ExtendInput

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return input_schema.extend_input()


class GenerationInputSchema(OpenApiSerializerExtension):
    target_class = GenerationInput

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return input_schema.generation_input()


class GenerationOrderSchema(OpenApiSerializerExtension):
    target_class = GenerationOrder

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return input_schema.generation_order()


class EditInputSchema(OpenApiSerializerExtension):
    target_class = EditInput

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return input_schema.edit_input()


class QuoteInputSchema(OpenApiSerializerExtension):
    target_class = QuoteInput

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        return input_schema.quote_input()


class UploadInput(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="A JPEG, PNG or WebP picture.")


class AddressInput(serializers.Serializer[Any]):
    url = serializers.CharField(help_text="Where the picture can be fetched: an `https://` address.")


class ListQuery(serializers.Serializer[Any]):
    """The list's query parameters."""

    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    cursor = serializers.CharField(required=False, help_text="`next_cursor` of the page before.")
    status = serializers.ChoiceField(choices=Status.choices, required=False)
    batch = serializers.UUIDField(required=False, help_text="The clips of this batch.")
    project = serializers.UUIDField(required=False, help_text="The clips of this project.")
    created_after = serializers.DateTimeField(required=False, help_text="ISO 8601; without a zone, UTC.")
    created_before = serializers.DateTimeField(required=False, help_text="ISO 8601; without a zone, UTC.")


class UploadOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    width = serializers.IntegerField(help_text="pixels")
    height = serializers.IntegerField(help_text="pixels")
    size = serializers.IntegerField(help_text="bytes of what is kept")
    sha256 = serializers.CharField(help_text="of what is kept: a new JPEG without metadata")
    content_type = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    url = serializers.CharField(help_text=URL_HELP)
    thumbnail_url = serializers.CharField(help_text=URL_HELP)
    expires_at = serializers.DateTimeField()


class EtaOutput(serializers.Serializer[Any]):
    """Seconds from now until the clip is ready: three clips in five take between the two."""

    low = serializers.IntegerField()
    high = serializers.IntegerField()


class QuoteOutput(serializers.Serializer[Any]):
    """The price, promised until `expires_at` to who names `id` as the quote. No credit is set aside by it."""

    id = serializers.UUIDField(help_text="Send it as `quote` with the clip.")
    expires_at = serializers.DateTimeField(help_text="Fifteen minutes ahead.")
    currency = serializers.ChoiceField(choices=["USD"])
    amount = MoneyField()
    num_frames = serializers.IntegerField()
    enable_detail_pass = serializers.BooleanField()
    passes = serializers.IntegerField(help_text="The detail pass renders twice.")
    billed_seconds = serializers.FloatField(help_text="Frames divided by 24, whatever the frame rate.")
    clip_seconds = serializers.FloatField(help_text="How long the clip plays: frames divided by frame_rate.")
    rate = MoneyField(help_text="Dollars a billed second and pass.")
    formula = serializers.CharField(help_text="How the amount is worked out, for people.")
    balance_after = MoneyField(
        allow_null=True,
        help_text="Negative when the credit is not enough; null for a key without `billing:read`.",
    )
    eta = EtaOutput(allow_null=True, help_text="For a clip submitted now; null while rendering is paused.")
    warnings = serializers.ListField(child=serializers.CharField())


class CostOutput(serializers.Serializer[Any]):
    currency = serializers.ChoiceField(choices=["USD"])
    quoted = MoneyField(help_text="The price at submission.")
    held = MoneyField(help_text="Set aside while the clip is not finished.")
    captured = MoneyField(help_text="What the clip cost.")
    released = MoneyField(help_text="What went back to the team's credit.")


class MoveInput(serializers.Serializer[Any]):
    """The clip's new neighbour: one of the two."""

    before = serializers.UUIDField(required=False, allow_null=True)
    after = serializers.UUIDField(required=False, allow_null=True)


class QueueOutput(serializers.Serializer[Any]):
    place = serializers.IntegerField(allow_null=True, help_text="In the platform's own line, from 1.")
    provider_position = serializers.IntegerField(allow_null=True, help_text="Requests ahead at fal.")
    paused = serializers.ChoiceField(
        choices=["by_member", "by_service"],
        allow_null=True,
        help_text="`by_member`: until it is resumed. `by_service`: rendering is paused and resumes automatically. "
        "Place and price are kept.",
    )


class UsedOutput(serializers.Serializer[Any]):
    prompt = serializers.CharField(help_text="Differs from the one sent when expand_prompt is on.")
    seed = serializers.IntegerField(allow_null=True)


class VideoOutput(serializers.Serializer[Any]):
    video_url = serializers.CharField(
        allow_null=True, help_text=f"{URL_HELP} Null once the team's retention rule has deleted the files."
    )
    download_url = serializers.CharField(allow_null=True, help_text="The same file, saved instead of played.")
    poster_url = serializers.CharField(allow_null=True, help_text="The first frame.")
    preview_url = serializers.CharField(
        allow_null=True, help_text="A small silent loop, seconds after the clip is ready."
    )
    last_frame_url = serializers.CharField(allow_null=True, help_text="The last frame in full size.")
    expires_at = serializers.DateTimeField(help_text="Of the addresses; the clip stays.")
    content_type = serializers.CharField()
    size = serializers.IntegerField(help_text="bytes")
    sha256 = serializers.CharField(help_text="Of the file, which carries its recipe as its comment.")
    source_sha256 = serializers.CharField(
        allow_blank=True, help_text="Of the file as fal delivered it: the same packets, without the recipe."
    )
    delete_after = serializers.DateTimeField(
        allow_null=True, help_text="When the team's retention rule deletes the files; null: never, or done."
    )
    deleted_at = serializers.DateTimeField(allow_null=True, help_text="By the team's retention rule.")
    width = serializers.IntegerField(help_text="pixels")
    height = serializers.IntegerField(help_text="pixels")
    frames = serializers.IntegerField()
    duration = serializers.FloatField(help_text="seconds")


class FailureOutput(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    retryable = serializers.BooleanField(help_text="Whether the same input may succeed.")


class EventOutput(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=Status.choices)
    status_text = serializers.CharField()
    at = serializers.DateTimeField()


@extend_schema_field(input_schema.stored_parameters())
class ParamsField(serializers.JSONField):
    pass


class ParentOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    relation = serializers.ChoiceField(choices=Relation.choices)


class GenerationSummary(serializers.Serializer[Any]):
    """One clip, as in lists."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Status.choices)
    status_text = serializers.CharField(help_text="The status in words.")
    message = serializers.CharField(
        allow_blank=True, help_text="What is happening, or went wrong, for people."
    )
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True, help_text="Rendering began.")
    ended_at = serializers.DateTimeField(allow_null=True)
    image = serializers.UUIDField(help_text="The upload's id.")
    parent = ParentOutput(allow_null=True, help_text="The clip it was made from.")
    batch = serializers.UUIDField(allow_null=True)
    project = serializers.UUIDField(allow_null=True, help_text="What it is for.")
    params = ParamsField()
    warnings = serializers.ListField(child=serializers.CharField())
    cost = CostOutput()
    queue = QueueOutput()
    progress = serializers.IntegerField(help_text="percent")
    eta = EtaOutput(
        allow_null=True, help_text="Null when it is over, paused, or takes longer than such clips did lately."
    )
    cancel_requested = serializers.BooleanField()
    used = UsedOutput(allow_null=True, help_text="What the finished clip was made with.")
    output = VideoOutput(allow_null=True)
    failure = FailureOutput(allow_null=True)


class GenerationOutput(GenerationSummary):
    """One clip in full."""

    timeline = EventOutput(many=True)
    logs = serializers.ListField(child=serializers.CharField(), help_text="The last lines of fal's log.")


class GenerationPage(serializers.Serializer[Any]):
    data = GenerationSummary(many=True)  # type: ignore[assignment]  # the framework takes fields off the class
    next_cursor = serializers.CharField(allow_null=True)


class BatchInput(serializers.Serializer[Any]):
    """Which clips to make: one input with several seeds, prompts by pictures, or rows."""

    kind = serializers.ChoiceField(choices=BatchKind.choices)
    name = serializers.CharField(required=False, max_length=100, help_text="So that you recognise it.")
    input = GenerationInput(required=False, help_text="What all clips share.")
    quote = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="The id of a quote for these clips: its prices are charged, whatever they are by now.",
    )
    project = serializers.UUIDField(
        required=False,
        allow_null=True,
        help_text="What the clips are for: the id of a project. Left out, it is the key's; null is none.",
    )
    seeds = serializers.ListField(
        child=serializers.IntegerField(min_value=0),
        required=False,
        help_text="Kind `seeds`: one clip for each.",
    )
    seed_start = serializers.IntegerField(
        required=False, min_value=0, help_text="Kind `seeds`, in place of seeds: the first of `count`."
    )
    count = serializers.IntegerField(required=False, min_value=1)
    prompts = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Kind `matrix`: each with every picture."
    )
    images = serializers.ListField(
        child=serializers.UUIDField(), required=False, help_text="Kind `matrix`: ids of uploads."
    )
    rows = serializers.ListField(
        child=GenerationInput(), required=False, help_text="Kind `rows`: an input for each clip."
    )
    csv = serializers.CharField(
        required=False,
        help_text="Kind `rows`, in place of rows: a table whose first line names the inputs.",
    )


class BatchQuoteOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="Send it as `quote` with the batch.")
    expires_at = serializers.DateTimeField(help_text="Fifteen minutes ahead.")
    currency = serializers.ChoiceField(choices=["USD"])
    amount = MoneyField(help_text="Of all clips together.")
    clips = serializers.IntegerField()
    formula = serializers.CharField(help_text="How the amount is worked out, for people.")
    balance_after = MoneyField(
        allow_null=True,
        help_text="Negative when the credit is not enough; null for a key without `billing:read`.",
    )
    eta = EtaOutput(allow_null=True, help_text="For the last of the clips; null while rendering is paused.")


class BatchCost(serializers.Serializer[Any]):
    currency = serializers.ChoiceField(choices=["USD"])
    quoted = MoneyField(help_text="The price of all clips at submission.")
    held = MoneyField(help_text="Set aside for clips that have not ended.")
    captured = MoneyField(help_text="What the clips cost so far.")
    released = MoneyField(help_text="What went back to the team's credit so far.")


class BatchOutput(serializers.Serializer[Any]):
    """A batch and how far it is."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=BatchKind.choices)
    name = serializers.CharField(allow_blank=True)
    project = serializers.UUIDField(allow_null=True, help_text="What its clips are for.")
    created_at = serializers.DateTimeField()
    size = serializers.IntegerField(help_text="clips")
    finished = serializers.BooleanField(help_text="Whether every clip has ended.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Clips by status.")
    cost = BatchCost()


class BatchPage(serializers.Serializer[Any]):
    data = BatchOutput(many=True)  # type: ignore[assignment]  # the framework takes fields off the class
    next_cursor = serializers.CharField(allow_null=True)


class BatchListQuery(serializers.Serializer[Any]):
    """The list's query parameters."""

    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    cursor = serializers.CharField(required=False, help_text="`next_cursor` of the page before.")


class BatchCancelOutput(serializers.Serializer[Any]):
    outcomes = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="How many clips were `released`, how many are `pending_upstream`, and for how many it was "
        "`too_late`.",
    )
    batch = BatchOutput()


class CancelOutput(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(
        choices=["released", "pending_upstream"],
        help_text="`released`: nothing is charged. `pending_upstream`: fal was asked; if it finishes all the "
        "same, the clip is delivered and charged.",
    )
    generation = GenerationOutput()


class PresetOutput(serializers.Serializer[Any]):
    first_pass_num_inference_steps = serializers.IntegerField()
    second_pass_num_inference_steps = serializers.IntegerField()


class ModelOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    inputs = serializers.JSONField(
        help_text="JSON Schema of the inputs by fal's names, with defaults and guidance."
    )
    quality_presets = serializers.DictField(child=PresetOutput())
    rate = MoneyField(help_text="Dollars a billed second (24 frames) and pass.")
    default_clip_price = MoneyField()


class ModelPage(serializers.Serializer[Any]):
    data = ModelOutput(many=True)  # type: ignore[assignment]  # the framework takes fields off the class
    next_cursor = serializers.CharField(allow_null=True)
