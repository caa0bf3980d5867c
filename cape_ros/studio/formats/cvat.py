"""CVAT for images 1.1: one XML file for all images; an object is a skeleton.

The object's box is the one of its group, whatever its label, or else the one of its label around
its points. `points` shapes of one point each are keypoints called as their labels; one of several
points is an object with keypoints called 1, 2, 3, ...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from xml.etree import ElementTree as Tree  # to write; what comes from outside is read by defusedxml

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from cape_ros.core.errors import InvalidInput
from cape_ros.perception.category import Category
from cape_ros.studio.formats.reading import (
    ImportedAnnotation,
    ImportResult,
    Point,
    Skeleton,
    plain_text,
    read_box,
    read_number,
    unique_names,
)
from cape_ros.studio.formats.shapes import MarkedBox, MarkedObject, MarkedPoint, Shapes
from cape_ros.studio.image_codec import to_png

FILE = "annotations.xml"
IMAGES = "images"  # the folder that CVAT has them in, and looks for them
HALF = 0.5  # CVAT has (0, 0) at the corner of the image, this project at a pixel's centre
GROUP = "1"


def read(data: bytes) -> ImportResult:
    """data: of the XML file. Raises `InvalidInput`."""
    try:
        root = defusedxml.ElementTree.fromstring(data, forbid_dtd=True)
    except (Tree.ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise InvalidInput.of("file", f"no XML that can be read: {error}") from error
    if root.tag != "annotations":
        raise InvalidInput.of("file", f"<{root.tag[:40]}> where CVAT has <annotations>")
    for element in root.iter():
        element.text = plain_text(element.text)
        if "label" in element.attrib:
            element.set("label", plain_text(element.get("label")))
    reading = ImportResult()
    for label, skeleton in _skeletons(root):
        reading.describe(label, skeleton)
    if root.find("track") is not None:
        reading.problems.append("tracks are left out; export as 'CVAT for images'")
    for image in root.iter("image"):
        name, problems = image.get("name", ""), list[str]()
        try:
            reading.marked += _marked(image, name, problems)
        except ValueError as error:
            problems.append(str(error))
        reading.problems += [f"{name}: {problem}" for problem in problems]
    return reading


def write(category: Category) -> dict[str, bytes]:
    """The shots' images, and one XML file."""
    root = Tree.Element("annotations")
    Tree.SubElement(root, "version").text = "1.1"
    _write_labels(root, category)
    files = {}
    for index, shot in enumerate(category.shots):
        name = f"shot_{index:03d}.png"
        files[f"{IMAGES}/{name}"] = to_png(shot.image)
        height, width = shot.image.shape[:2]
        image = Tree.SubElement(
            root, "image", id=str(index), name=name, width=str(width), height=str(height)
        )
        common = {"label": category.name, "source": "manual", "occluded": "0", "z_order": "0"}
        common["group_id"] = GROUP
        x, y, w, h = shot.box
        sides = {"xtl": x, "ytl": y, "xbr": x + w, "ybr": y + h}
        corners = {key: f"{value:.3f}" for key, value in sides.items()}
        Tree.SubElement(image, "box", {**common, **corners})
        skeleton = Tree.SubElement(image, "skeleton", common)
        for keypoint, (px, py), seen in zip(
            category.keypoint_names, shot.keypoints.tolist(), shot.visible, strict=True
        ):
            place = f"{px + HALF:.3f},{py + HALF:.3f}"
            outside = "0" if seen else "1"
            Tree.SubElement(
                skeleton, "points", label=keypoint, outside=outside, occluded="0", points=place
            )
    Tree.indent(root)
    files[FILE] = Tree.tostring(root, "utf-8", xml_declaration=True)
    return files


def _skeletons(root: Tree.Element) -> Iterator[tuple[str, Skeleton]]:
    """The skeletons of the task's labels: names of the points, and edges from the drawing."""
    for label in root.iter("label"):
        if label.findtext("type") != "skeleton":
            continue
        name = label.findtext("name", "")
        names = [
            part.findtext("name", "")
            for part in root.iter("label")
            if part.findtext("parent") == name
        ]
        try:
            drawing = defusedxml.ElementTree.fromstring(f"<g>{label.findtext('svg', '')}</g>")
        except (Tree.ParseError, DefusedXmlException):
            drawing = Tree.Element("g")
        places = {
            circle.get("data-node-id"): circle.get("data-label-name")
            for circle in drawing.iter("circle")
        }
        edges = []
        for line in drawing.iter("line"):
            ends = [places.get(line.get(f"data-node-{end}")) for end in ("from", "to")]
            if all(end in names for end in ends):
                edges.append((names.index(str(ends[0])), names.index(str(ends[1]))))
        yield name, Skeleton(names, edges)


def _marked(image: Tree.Element, name: str, problems: list[str]) -> list[ImportedAnnotation]:
    """Raises ValueError if nothing of the image can be read."""
    width, height = (read_number(image.get(side, 0)) for side in ("width", "height"))
    size = (int(width), int(height)) if width and height else None
    shapes, others = Shapes(), Counter[str]()
    for shape in image:
        if shape.tag not in ("box", "skeleton", "points"):
            others[shape.tag] += shape.tag != "tag"
            continue
        try:
            _add(shape, shapes, problems)
        except ValueError as error:
            problems.append(f"{shape.tag} {shape.get('label', '')!r}: {error}")
    problems += [f"{count} x {tag} are left out" for tag, count in others.items() if count]
    return [
        ImportedAnnotation(made.label, name, made.points, made.box.box if made.box else None, size)
        for made in shapes.bring_together(problems)
    ]


def _add(shape: Tree.Element, shapes: Shapes, problems: list[str]) -> None:
    """Raises ValueError for numbers that are none."""
    label = shape.get("label", "")
    group = shape.get("group_id") if shape.get("group_id") != "0" else None
    if shape.tag == "box":
        left, top, right, bottom = (
            read_number(shape.get(side, "")) for side in ("xtl", "ytl", "xbr", "ybr")
        )
        box = read_box((left, top, right - left, bottom - top), shape.get("rotation"))
        shapes.boxes.append(MarkedBox(label, box, group))
        return
    if shape.tag == "points":
        places = _points(shape)
        if len(places) == 1:
            shapes.points.append(MarkedPoint(label, places[0], group))
            return
        points = {str(number): place for number, place in enumerate(places, 1)}
    else:
        seen = [part for part in shape.findall("points") if part.get("outside") != "1"]
        labels = [part.get("label", "") for part in seen]
        names = unique_names(labels)
        if names != labels:
            problems.append(f"skeleton {label!r} has two points of one name: {', '.join(names)}")
        points = {name: _points(part)[0] for name, part in zip(names, seen, strict=True)}
    if points:
        shapes.objects.append(MarkedObject(label, points, group))


def _points(shape: Tree.Element) -> list[Point]:
    pairs = [pair.split(",") for pair in shape.get("points", "").split(";")]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError(f"{shape.get('points', '')[:40]!r} is not x,y")
    return [(read_number(x) - HALF, read_number(y) - HALF) for x, y in pairs]


def _write_labels(root: Tree.Element, category: Category) -> None:
    """The task's labels: what CVAT makes the skeleton of, with its drawing on a square of 100."""
    labels = Tree.SubElement(Tree.SubElement(Tree.SubElement(root, "meta"), "task"), "labels")
    whole = Tree.SubElement(labels, "label")
    Tree.SubElement(whole, "name").text = category.name
    Tree.SubElement(whole, "type").text = "skeleton"
    Tree.SubElement(whole, "svg").text = _drawing(category)
    for keypoint in category.keypoint_names:
        part = Tree.SubElement(labels, "label")
        for key, value in (("name", keypoint), ("type", "points"), ("parent", category.name)):
            Tree.SubElement(part, key).text = value


def _drawing(category: Category) -> str:
    """SVG: a circle for each keypoint, where the first shot has it, and a line for each edge."""
    shot = category.shots[0]
    x, y, width, height = shot.box
    scale = 100 / max(width, height)
    places = ((shot.keypoints - (x, y)) * scale).clip(0, 100).round(1).tolist()
    parts = []
    for start, end in category.edges:
        (x1, y1), (x2, y2) = places[start], places[end]
        line = {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "stroke": "black", "data-type": "edge"}
        ends = {"data-node-from": start + 1, "data-node-to": end + 1}
        parts.append(_element("line", {**line, **ends}))
    for index, name in enumerate(category.keypoint_names):
        cx, cy = places[index]
        circle = {"r": 1.5, "cx": cx, "cy": cy, "data-type": "element node"}
        number = {"data-element-id": index + 1, "data-node-id": index + 1, "data-label-name": name}
        parts.append(_element("circle", {**circle, **number}))
    return "".join(parts)


def _element(tag: str, attributes: dict[str, object]) -> str:
    made = Tree.Element(tag, {key: str(value) for key, value in attributes.items()})
    return Tree.tostring(made, "unicode")
