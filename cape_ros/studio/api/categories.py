"""Routes of the category library: list, register, activate, delete."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Query, Response

from cape_ros.core.errors import Fault, InvalidInput
from cape_ros.perception.category import Category, SupportShot
from cape_ros.perception.shapes import carried_over
from cape_ros.perception.spatial import FrameDefinition, Shape
from cape_ros.server import registration
from cape_ros.server.server import RegisterMode
from cape_ros.studio.api.category_schemas import (
    ActivationBody,
    CategoriesAnswer,
    CategoryAnswer,
    CategoryBody,
    CategoryDetail,
    CheckAnswer,
    DraftShot,
    OldVersionAnswer,
    RegisteredAnswer,
    RemovedAnswer,
    RenameBody,
    RestoreBody,
    ShotBody,
    SupportAnswer,
    shot_keypoints,
)
from cape_ros.studio.api.context import Context
from cape_ros.studio.api.media import find_image, find_pixels
from cape_ros.studio.api.schemas import BoxBody, ConflictAnswer, FaultsAnswer
from cape_ros.studio.api.space_schemas import frame_bodies
from cape_ros.studio.image_codec import to_jpeg, to_png

THUMBNAIL_QUALITY = 85
MOST_PIXELS = 200_000_000  # of all shots of a registration
CONFLICT: dict[int | str, dict[str, Any]] = {409: {"model": ConflictAnswer}}


def routes(context: Context) -> APIRouter:
    router, server = APIRouter(tags=["categories"]), context.server

    def registered(stored: Category, activate: bool = True) -> RegisteredAnswer:
        if activate:
            set_active(context, stored.name, True)
        check = server.check(stored.name)
        return RegisteredAnswer(
            name=stored.name,
            version=stored.version,
            shots=len(stored.shots),
            message=registration.summary(stored, check),
            doubtful=CheckAnswer.of(check).doubtful,
        )

    @router.get("/categories")
    def list_categories() -> CategoriesAnswer:
        known, trust = server.categories, server.trust
        return CategoriesAnswer(
            database_version=server.database_version,
            trusted_point=trust.point_threshold,
            found_object=trust.presence_threshold,
            kept_object=trust.tracking_threshold,
            categories=[CategoryAnswer.of(c, server.is_active(c.name)) for c in known.values()],
            removed=[
                RemovedAnswer(name=name, version=version)
                for name, version in server.removed().items()
            ],
        )

    @router.get("/categories/{name}")
    def get_category(name: str) -> CategoryDetail:
        known = server.find(name)
        return CategoryDetail(
            **CategoryAnswer.of(known, server.is_active(name)).model_dump(),
            supports=[SupportAnswer.of(at, shot) for at, shot in enumerate(known.shots)],
            frames=frame_bodies(known),
            suggested=len(server.suggested_shots(name)),
        )

    @router.get("/categories/{name}/shots/{index}", response_class=Response)
    def get_shot(name: str, index: int, width: int | None = Query(None, ge=1)) -> Response:
        """A JPEG of that width at most; without `width` the image as it was registered, a PNG."""
        return picture(server.find(name), index, width)

    @router.get("/categories/{name}/check")
    def get_check(name: str) -> CheckAnswer:
        """What its shots say of each other; one shot alone says nothing."""
        server.find(name)
        return CheckAnswer.of(server.check(name))

    @router.get("/categories/{name}/versions")
    def list_old_versions(name: str) -> list[OldVersionAnswer]:
        """The versions that were replaced or removed and can be restored, newest first."""
        return [OldVersionAnswer.of(category) for category in server.old_versions(name)]

    @router.get("/categories/{name}/versions/{version}/shots/{index}", response_class=Response)
    def get_old_shot(
        name: str, version: int, index: int, width: int | None = Query(None, ge=1)
    ) -> Response:
        """As of a registered category."""
        return picture(server.old_version(name, version), index, width)

    @router.post("/categories/{name}/versions/{version}/restore", responses=CONFLICT)
    def restore(name: str, version: int, body: RestoreBody) -> RegisteredAnswer:
        """Registers an old version again, as a new version."""
        return registered(server.restore(name, version, body.base_version))

    @router.post("/categories", responses=CONFLICT)
    def register(body: CategoryBody) -> RegisteredAnswer:
        """Registers the category and makes it active on every camera from the next frame on."""
        category = to_category(context, body)
        return registered(server.register(category, mode_of(body), body.base_version))

    @router.post("/categories/check")
    def check_body(body: CategoryBody) -> FaultsAnswer:
        """The faults that registering it would have; changes nothing."""
        try:
            category = to_category(context, body)
            registration.merge(server.categories, category, mode_of(body), body.base_version)
        except InvalidInput as error:
            return FaultsAnswer.of(error.faults)
        return FaultsAnswer(faults=[])

    @router.delete(
        "/categories/{name}", status_code=204, response_class=Response, responses=CONFLICT
    )
    def remove(name: str, base_version: int | None = Query(None, ge=1)) -> Response:
        server.remove(name, base_version)
        return Response(status_code=204)

    @router.patch("/categories/{name}", responses=CONFLICT)
    def rename(name: str, body: RenameBody) -> RegisteredAnswer:
        """Gives it another name. It begins with version 1 there, or after the last one that had
        this name; what was registered under the old name can be restored there."""
        stored = server.rename(name, body.name, body.base_version)
        return RegisteredAnswer(
            name=stored.name,
            version=stored.version,
            shots=len(stored.shots),
            message=f"{name} is called {registration.described(stored)}; "
            f"the versions of {name} are kept under that name",
            doubtful=CheckAnswer.of(server.check(stored.name)).doubtful,
        )

    @router.post("/categories/{name}/suggested_shots")
    def suggested_shots(name: str) -> list[DraftShot]:
        """Views of the tracked object that would help as shots, the most different one first, to be
        checked by a person; their images are kept as uploads are."""
        return [
            DraftShot(
                image=context.images.add_pixels(shot.image).image,
                box=BoxBody.of(shot.box),
                keypoints=shot_keypoints(shot),
                automatic=False,
            )
            for shot in server.suggested_shots(name)
        ]

    @router.delete("/categories/{name}/automatic_shots", responses=CONFLICT)
    def remove_automatic_shots(
        name: str, base_version: int | None = Query(None, ge=1)
    ) -> RegisteredAnswer:
        """Registers it again without the shots that the node added itself."""
        registration.check_base(server.categories, name, base_version)
        return registered(server.remove_automatic_shots(name)[0], activate=False)

    @router.post("/categories/{name}/activation")
    def activate(name: str, body: ActivationBody) -> CategoryAnswer:
        """Makes it active on every camera, or on none."""
        known = server.find(name)
        set_active(context, name, body.active)
        return CategoryAnswer.of(known, server.is_active(name))

    return router


def picture(category: Category, index: int, width: int | None) -> Response:
    """The image of a shot: a JPEG of that width at most, without `width` a PNG."""
    shots = category.shots
    if not 0 <= index < len(shots):
        raise InvalidInput.of("index", f"{index} is not a shot; there are {len(shots)}")
    image = shots[index].image
    if width is None:
        return Response(to_png(image), media_type="image/png")
    return Response(to_jpeg(image, width, THUMBNAIL_QUALITY), media_type="image/jpeg")


def mode_of(body: CategoryBody) -> RegisterMode:
    return RegisterMode[body.mode.upper()]


def to_category(context: Context, body: CategoryBody) -> Category:
    """Checked whole. Raises `InvalidInput` with every fault."""
    faults: list[Fault] = []
    shots = read_shots(context, body.shots, faults)
    if not body.shots:
        reason = "has none; mark the keypoints on at least one image"
        faults.append(Fault("shots", reason, "missing"))
    try:
        names = keypoint_names(context, body)
        given = list(shots.values())
        shape, frames = carried(context, body, names, faults)
        category = Category(
            body.name,
            names,
            body.edges,
            given,
            symmetries=body.symmetries,
            shape=shape,
            frames=frames,
        )
    except InvalidInput as error:
        faults += [_in_body(fault, list(shots)) for fault in error.faults]
    if faults:
        raise InvalidInput(faults)
    return category


def read_shots(
    context: Context, bodies: Sequence[ShotBody], faults: list[Fault]
) -> dict[int, SupportShot]:
    """The shots that have an image, by their index among all."""
    shots, left = {}, MOST_PIXELS
    for index, shot in enumerate(bodies):
        try:
            field = f"shots[{index}].image"
            stored = find_image(context, shot.image, field)
            pixels = find_pixels(context, shot.image, field)
        except InvalidInput as error:
            faults += error.faults
            continue
        left -= pixels.shape[0] * pixels.shape[1]
        if left < 0:
            reason = f"more than {MOST_PIXELS / 1e6:.0f} megapixels in all; use smaller images"
            faults.append(Fault("shots", reason, "too_large"))
            break
        points = [(point.x, point.y) for point in shot.keypoints]
        seen = [point.visible for point in shot.keypoints]
        box = shot.box.box() if shot.box else None
        shots[index] = SupportShot(
            pixels, points, seen, box, shot.automatic, stored.camera, stored.depth
        )
    return shots


def keypoint_names(context: Context, body: CategoryBody) -> Sequence[str]:
    """Further shots may leave the names to the category that is known."""
    known = context.server.categories.get(body.name)
    if body.mode == "add_shots" and known and not body.keypoint_names:
        return known.keypoint_names
    return body.keypoint_names


def carried(
    context: Context, body: CategoryBody, names: Sequence[str], faults: list[Fault]
) -> tuple[Shape | None, Sequence[FrameDefinition]]:
    """What a change keeps of shape and frames though it renames or reorders keypoints."""
    known, order = context.server.categories.get(body.name), body.keypoints_before
    if order is None or known is None or body.base_version != known.version:
        return None, ()
    old = [at for at in order if at is not None]
    absent = any(not 0 <= at < len(known.keypoint_names) for at in old)
    if len(order) != len(names) or absent or len(set(old)) < len(old):
        reason = "does not say of each keypoint which one of base_version it is"
        faults.append(Fault("keypoints_before", reason))
        return None, ()
    if tuple(names) == known.keypoint_names:  # then all is kept anyway
        return None, ()
    return carried_over(known, order)


def set_active(context: Context, name: str, active: bool) -> None:
    """Makes a category active on every camera, or on none; the others stay as they are."""
    server = context.server
    for camera in context.cameras():
        before = server.active(camera)
        if (name in before) == active:
            continue
        names = [*before, name] if active else [each for each in before if each != name]
        everything = set(names) == set(server.categories)
        context.activate(camera, None if everything else names)


def _in_body(fault: Fault, indices: Sequence[int]) -> Fault:
    """A fault of a shot, by its place among all shots: those without an image were left out."""
    head, bracket, rest = fault.field.partition("shots[")
    if head or not bracket:
        return fault
    number, _, tail = rest.partition("]")
    return fault.at(f"shots[{indices[int(number)]}]{tail}")
