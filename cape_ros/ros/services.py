"""The node's services; each response says what was done, or lists every fault by field."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from std_srvs.srv import SetBool

from cape_ros.core.errors import CapeError, Fault, InvalidInput
from cape_ros.core.plurals import counted
from cape_ros.core.throttled_log import ThrottledLog
from cape_ros.messages import compressed, encodings
from cape_ros.messages.images import read_image
from cape_ros.perception.category import (
    MOST_EDGES,
    MOST_KEYPOINTS,
    MOST_SHOTS,
    MOST_SYMMETRIES,
)
from cape_ros.perception.library.library import MOST_CATEGORIES
from cape_ros.perception.spatial.frames import MOST_FRAMES
from cape_ros.ros.conversions import (
    given_message,
    to_category,
    to_category_message,
    to_keypoint_array,
    to_shot,
)
from cape_ros.ros.shape_messages import in_known_order
from cape_ros.server import registration
from cape_ros.server.server import RegisterMode
from cape_ros.srv import (
    ActivateCategories,
    Estimate,
    GetCategory,
    ListCategories,
    RegisterCategory,
    RemoveCategory,
    SuggestShots,
)

if TYPE_CHECKING:
    from cape_ros.ros.session import Session

logger = logging.getLogger(__name__)
MOST_OCTETS = 40_000_000  # of images in one request: a dozen of 1280 x 720, uncompressed
MOST_PIXELS = 64_000_000  # of them, decoded: 200 MB
MOST_BOXES = 32  # in one image; the model looks at nothing else meanwhile
MOST_ENTRIES = {
    "keypoint_names": MOST_KEYPOINTS,
    "edges": 2 * MOST_EDGES,
    "shots": MOST_SHOTS,
    "symmetries": MOST_SYMMETRIES * MOST_KEYPOINTS,
    "boxes": MOST_BOXES,
    "keypoints_3d": MOST_KEYPOINTS,
    "frames": MOST_FRAMES,
    "categories": MOST_CATEGORIES,
}


class Services:
    """Made at the first configure; from then on they answer, with or without a session.

    session: the present one. Raises `CapeError` if there is none.
    """

    def __init__(self, node: Node, session: Callable[[], Session]) -> None:
        self._node = node
        self._session = session
        self._log = ThrottledLog(logger)  # a peer may ask as often as it likes
        # A command waits for the model or the disk: images and questions go on meanwhile.
        commands, estimates, questions = (MutuallyExclusiveCallbackGroup() for _ in range(3))
        for kind, name, command, group in (
            (RegisterCategory, "register_category", self._register, commands),
            (RemoveCategory, "remove_category", self._remove, commands),
            (ActivateCategories, "activate_categories", self._activate, commands),
            (SetBool, "enable", self._enable, commands),
            (Estimate, "estimate", self._estimate, estimates),
            (GetCategory, "get_category", self._get, questions),
            (SuggestShots, "suggest_shots", self._suggest, questions),
        ):
            answer = partial(self._answer, command)
            node.create_service(kind, f"~/{name}", answer, callback_group=group)
        node.create_service(
            ListCategories, "~/list_categories", self._list, callback_group=questions
        )

    def _answer(
        self, command: Callable[[Session, Any, Any], str], request: Any, response: Any
    ) -> Any:
        """Say what the command did, or why it did nothing. The node goes on in any case.

        The session is asked for once: one that begins meanwhile gets no part of this request.
        """
        session = None
        try:
            session = self._session()
            check_lengths(request)
            response.message = command(session, request, response)
            response.success = True
            self._node.get_logger().info(response.message)
        except Exception as error:
            if session is not None:
                session.server.command_failed(error)
            if isinstance(error, CapeError):
                response.message = str(error)
                self._log.log(logging.WARNING, type(error).__name__, f"refused: {error}")
            else:
                response.message = f"internal error, see the node's log: {error}"
                self._log.log(logging.ERROR, type(error).__name__, "a command failed", error)
        return response

    def _register(
        self,
        session: Session,
        request: RegisterCategory.Request,
        response: RegisterCategory.Response,
    ) -> str:
        check_size(request.shots)
        try:
            mode = RegisterMode(request.mode)
        except ValueError:
            raise InvalidInput.of(
                "mode", f"{request.mode} is none of CREATE=0, REPLACE=1, ADD_SHOTS=2"
            ) from None
        if mode == RegisterMode.ADD_SHOTS and not request.keypoint_names:
            request.keypoint_names = list(session.server.find(request.name).keypoint_names)
        category = to_category(request, session.frames.find, session.seen)
        category = in_known_order(category, session.server.categories.get(category.name))
        stored = session.server.register(category, mode)
        response.version = stored.version
        return registration.summary(stored, session.server.check(stored.name))

    def _remove(self, session: Session, request: RemoveCategory.Request, response: Any) -> str:
        if request.automatic_shots:
            stored, count = session.server.remove_automatic_shots(request.name)
            shots = counted(count, "automatic shot")
            return f"{stored.name} version {stored.version} is without its {shots}"
        session.server.remove(request.name)
        return f"{request.name} is forgotten"

    def _activate(
        self, session: Session, request: ActivateCategories.Request, response: Any
    ) -> str:
        names = list(request.categories)
        if request.all and names:
            raise InvalidInput.of("categories", f"{len(names)} names beside all; leave them out")
        session.activate_categories(request.camera, None if request.all else names)
        where = f"on {request.camera}" if request.camera else "on every camera"
        return f"{'all categories' if request.all else ', '.join(names) or 'nothing'} {where}"

    def _enable(self, session: Session, request: SetBool.Request, response: Any) -> str:
        return session.enable(request.data)

    def _estimate(
        self, session: Session, request: Estimate.Request, response: Estimate.Response
    ) -> str:
        check_size([request])
        message, field = given_message(request, session.frames.find)
        boxes = [(b.x_offset, b.y_offset, b.width, b.height) for b in request.boxes]
        image = read_image(message, field)
        names = list(request.categories)
        objects = session.server.estimate(image, names or None, boxes or None)
        height, width = image.shape[:2]
        response.keypoints = to_keypoint_array(
            objects, message.header, (height, width), session.server.trust.point_threshold
        )
        there = sum(bool((one.scores > 0).any()) for one in objects)
        return f"{there} of {counted(len(objects), 'object')} found"

    def _get(
        self, session: Session, request: GetCategory.Request, response: GetCategory.Response
    ) -> str:
        known = session.server.find(request.name)
        response.category = to_category_message(known, session.server.is_active(known.name))
        response.shots = [to_shot(shot) for shot in known.shots]
        shots = counted(len(known.shots), "shot")
        return f"{known.name} version {known.version} with {shots}"

    def _suggest(
        self, session: Session, request: SuggestShots.Request, response: SuggestShots.Response
    ) -> str:
        try:
            shots = session.server.suggested_shots(request.category)
        except InvalidInput as error:
            raise InvalidInput(
                [replace(fault, field="category") for fault in error.faults]
            ) from None
        response.shots = [to_shot(shot) for shot in shots]
        if shots:
            return f"{counted(len(shots), 'view')} of {request.category}"
        return (
            f"no view of {request.category} differs from its shots and is found with confidence; "
            "move the camera around the object"
        )

    def _list(
        self, request: ListCategories.Request, response: ListCategories.Response
    ) -> ListCategories.Response:
        with suppress(CapeError):  # unconfigured: it has none
            server = self._session().server
            response.database_version = server.database_version
            response.categories = [
                to_category_message(category, server.is_active(category.name))
                for category in server.categories.values()
            ]
        return response


def check_lengths(request: Any) -> None:
    """Raises `InvalidInput` for more entries than a field may have, before any is read."""
    faults = [
        Fault(name, f"{len(getattr(request, name))} are more than {most}", "too_large")
        for name, most in MOST_ENTRIES.items()
        if len(getattr(request, name, ())) > most
    ]
    if not faults:
        faults = [
            Fault(f"shots[{index}].keypoints", f"{len(shot.keypoints)} are more than {most}")
            for most in (MOST_KEYPOINTS,)
            for index, shot in enumerate(getattr(request, "shots", ()))
            if len(shot.keypoints) > most
        ]
    if faults:
        raise InvalidInput(faults)


def check_size(shots: Sequence[Any]) -> None:
    """Raises `InvalidInput` for more images than a request may carry, before they are read."""
    field = "shots" if shots and hasattr(shots[0], "keypoints") else "image"
    advice = "send JPEG or PNG, or several requests with ADD_SHOTS"
    octets = sum(
        len(shot.image.data)
        + len(shot.compressed.data)
        + (len(shot.depth.data) if hasattr(shot, "depth") else 0)
        for shot in shots
    )
    if octets > MOST_OCTETS:
        reason = f"{octets / 1e6:.0f} MB of images are more than {MOST_OCTETS / 1e6:.0f} MB"
        raise InvalidInput.of(field, f"{reason}; {advice}", "too_large")
    each = [
        max(shot.image.width * shot.image.height, compressed.pixel_count(shot.compressed))
        for shot in shots
    ]
    pixels = sum(count for count in each if count <= encodings.MOST_PIXELS)  # others are refused
    if pixels > MOST_PIXELS:
        reason = f"{pixels / 1e6:.0f} million pixels are more than {MOST_PIXELS / 1e6:.0f} million"
        advice = "scale the images, or send several requests with ADD_SHOTS"
        raise InvalidInput.of(field, f"{reason}; {advice}", "too_large")
