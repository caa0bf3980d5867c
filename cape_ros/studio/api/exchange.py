"""Import and export of annotations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from cape_ros.core.errors import InvalidInput
from cape_ros.core.plurals import counted
from cape_ros.perception.category import MOST_SHOTS
from cape_ros.studio.api.category_schemas import DraftAnswer, DraftShot, ImportAnswer
from cape_ros.studio.api.context import Context
from cape_ros.studio.api.schemas import BoxBody, ShotKeypoint
from cape_ros.studio.api.uploads import raw_body
from cape_ros.studio.formats.archive import FORMATS, pack, read
from cape_ros.studio.formats.fitting import fit
from cape_ros.studio.formats.image_names import resolve
from cape_ros.studio.formats.reading import ImportedAnnotation, ImportResult

MOST_OCTETS = 100_000_000
MOST_PROBLEMS = 20
MOST_DRAFTS = 20
KINDS = ("application/json", "application/xml", "application/zip")


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["exchange"])

    @router.post("/import", openapi_extra=raw_body(*KINDS))
    async def import_(
        request: Request,
        images: Annotated[str, Query(description="IDs of images, with commas between")] = "",
        names: Annotated[list[str] | None, Query(description="their file names")] = None,
    ) -> ImportAnswer:
        """The body is labelme JSON, COCO keypoints JSON or CVAT XML; or a zip file of one of them
        with its images, or of a category folder. Nothing is registered."""
        given = _given([image for image in images.split(",") if image], names or [])
        return await context.uploads.take(
            request, MOST_OCTETS, "file", lambda data: _Import(context, given, read(data)).answer()
        )

    @router.get("/categories/{name}/export", response_class=Response)
    def export(
        name: str, format: Literal["folder", "labelme", "coco", "cvat"] = "folder"
    ) -> Response:
        """A zip file with the shots' images."""
        category = context.server.find(name)
        return Response(
            pack(FORMATS[format].write(category)),
            media_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}_{format}.zip"'},
        )

    return router


@dataclass
class _Import:
    """Brings together what a file says and the images that are here.

    given: IDs of uploaded images by file name.
    """

    context: Context
    given: dict[str, str]
    reading: ImportResult
    missing: dict[str, None] = field(default_factory=dict)  # names of images, in order
    dropped: set[str] = field(default_factory=set)  # IDs

    def answer(self) -> ImportAnswer:
        reading = self.reading
        self._match_given()
        drafts = []
        categories = list(dict.fromkeys(marked.category for marked in reading.marked))
        for category in categories[:MOST_DRAFTS]:
            if shots := self._shots(category):
                skeleton = reading.skeleton(category)
                drafts.append(
                    DraftAnswer(
                        name=category,
                        keypoint_names=list(skeleton.keypoint_names),
                        edges=list(skeleton.edges),
                        symmetries=list(map(list, skeleton.symmetries)),
                        shots=shots,
                    )
                )
        problems = reading.problems
        if len(categories) > MOST_DRAFTS:
            more = counted(len(categories) - MOST_DRAFTS, "more category is", "more categories are")
            problems.append(f"{more} left out")
        if self.missing:
            some = ", ".join(list(self.missing)[:5]) + (", ..." if len(self.missing) > 5 else "")
            count = len(self.missing)
            are, them = ("images are", "them") if count > 1 else ("image is", "it")
            problems.append(f"{count} {are} not here: {some}; add {them}")
        if lost := self.dropped.intersection(self.given.values()):
            are = counted(len(lost), "image does", "images do")
            problems.append(f"{are} not fit into the memory for uploads; import fewer at once")
        if not reading.marked:
            problems.append("no keypoints are marked in the file")
        if len(problems) > MOST_PROBLEMS:
            problems[MOST_PROBLEMS:] = [counted(len(problems) - MOST_PROBLEMS, "more problem")]
        return ImportAnswer(drafts=drafts, problems=problems)

    def _match_given(self) -> None:
        """Annotations whose image is not in the file mean one that was uploaded beside it."""
        inside = [m for m in self.reading.marked if m.image in self.reading.images]
        outside = [m for m in self.reading.marked if m.image not in self.reading.images]
        if len(self.given) == 1 == len({marked.image for marked in self.reading.marked}):
            name = next(iter(self.given))  # it is the one that is meant, whatever it is called
            outside = [replace(marked, image=name) for marked in outside]
        else:
            outside = resolve(outside, self.given, self.reading.problems)
        self.reading.marked = [*inside, *outside]

    def _shots(self, category: str) -> list[DraftShot]:
        names = self.reading.skeleton(category).keypoint_names
        shots: list[DraftShot] = []
        for marked in self.reading.marked:
            if marked.category != category or (image := self._image(marked)) is None:
                continue
            stored = self.context.images.find(image)
            try:
                marked = fit(marked, stored.width, stored.height, self.reading.problems)
            except InvalidInput as error:
                self.reading.problems.append(str(error))
                continue
            if len(shots) == MOST_SHOTS:
                self.reading.problems.append(f"{category}: only {MOST_SHOTS} shots are taken")
                break
            points = [marked.points.get(name) for name in names]
            keypoints = [
                ShotKeypoint(x=point[0], y=point[1]) if point else ShotKeypoint(visible=False)
                for point in points
            ]
            box = BoxBody.of(marked.box) if marked.box else None
            automatic = marked.automatic
            shots.append(DraftShot(image=image, box=box, keypoints=keypoints, automatic=automatic))
        return shots

    def _image(self, marked: ImportedAnnotation) -> str | None:
        """The ID of the image that is meant; None, and noted, if it is not available."""
        image = self.given.get(marked.image)
        try:
            if image is None and marked.image in self.reading.images:
                image, dropped = self.context.images.add_file(self.reading.images[marked.image])
                self.dropped.update(dropped)
            if image is None:
                self.missing[marked.image] = None
                return None
            self.given[marked.image] = image
            self.context.images.find(image)
        except InvalidInput as error:
            self.reading.problems.append(f"{marked.image}: {error}")
            return None
        return image


def _given(images: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """IDs by file name. A name may hold a comma, so several may come one by one."""
    if len(names) == 1 and len(images) > 1:
        names = names[0].split(",")
    if len(images) != len(names):
        reason = f"{counted(len(names), 'name')} for {counted(len(images), 'image')}"
        raise InvalidInput.of("names", reason)
    return dict(zip(names, images, strict=True))
