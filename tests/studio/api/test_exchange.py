"""Import and export over HTTP: files as the other programs write them, and files that are wrong."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from typing import Any

import numpy as np
import pytest
from browsing import Site, png
from steered import category

from cape_ros.core.errors import Fault
from cape_ros.studio.api.schemas import FaultsAnswer
from cape_ros.studio.formats import archive

IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
LABELME = {
    "version": "5.5.0",
    "flags": {},
    "shapes": [
        {"label": "mug", "points": [[8, 4], [48, 44]], "group_id": 1, "shape_type": "rectangle"},
        {"label": "rim", "points": [[10.5, 8.5]], "group_id": 1, "shape_type": "point"},
        {"label": "foot", "points": [[30, 40]], "group_id": 1, "shape_type": "point"},
    ],
    "imagePath": "..\\photos\\mug.png",
    "imageData": None,
    "imageHeight": 48,
    "imageWidth": 64,
}
COCO = {
    "images": [{"id": 7, "file_name": "photos/mug.png", "width": 64, "height": 48}],
    "annotations": [
        {
            "id": 1,
            "image_id": 7,
            "category_id": 3,
            "keypoints": [10, 8, 2, 0, 0, 0, 30, 40, 1],
            "num_keypoints": 2,
            "bbox": [8, 4, 40, 40],
            "area": 1600,
            "iscrowd": 0,
        }
    ],
    "categories": [
        {"id": 3, "name": "mug", "keypoints": ["rim", "ear", "foot"], "skeleton": [[1, 3]]}
    ],
}
CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><job><labels>
    <label><name>mug</name><color>#fff</color><type>skeleton</type><attributes></attributes>
      <svg>&lt;line x1="1" data-type="edge" data-node-from="1" data-node-to="2"&gt;&lt;/line&gt;
      &lt;circle r="1.5" data-type="element node" data-element-id="1" data-node-id="1"
        data-label-name="rim"&gt;&lt;/circle&gt;
      &lt;circle data-node-id="2" data-label-name="foot"&gt;&lt;/circle&gt;</svg>
    </label>
    <label><name>rim</name><type>points</type><parent>mug</parent></label>
    <label><name>foot</name><type>points</type><parent>mug</parent></label>
  </labels></job></meta>
  <image id="0" name="photos/mug.png" width="64" height="48">
    <skeleton label="mug" source="manual" z_order="0">
      <points label="foot" source="manual" outside="0" occluded="1" points="30.50,40.50"></points>
      <points label="rim" source="manual" outside="0" occluded="0" points="10.50,8.50"></points>
    </skeleton>
  </image>
</annotations>
"""


def bring(site: Site, data: bytes | str | dict[str, Any], **query: str) -> Any:
    content = json.dumps(data) if isinstance(data, dict) else data
    return site.ask("POST", "import", content=content, params=query)


def test_labelme(site: Site) -> None:
    image = site.upload(IMAGE)
    answer = bring(site, LABELME, images=image, names="mug.png")
    assert answer == {
        "drafts": [
            {
                "name": "mug",
                "keypoint_names": ["rim", "foot"],
                "edges": [],
                "symmetries": [],
                "shots": [
                    {
                        "image": image,
                        "box": {"x": 8.0, "y": 4.0, "width": 40.0, "height": 40.0},
                        "automatic": False,
                        "keypoints": [
                            {"x": 10.0, "y": 8.0, "visible": True},
                            {"x": 29.5, "y": 39.5, "visible": True},
                        ],
                    }
                ],
            }
        ],
        "problems": [],
    }


def test_labelme_with_the_image_in_it(site: Site) -> None:
    data = base64.b64encode(png(IMAGE)).decode()
    answer = bring(site, LABELME | {"imageData": data})
    (shot,) = answer["drafts"][0]["shots"]
    assert site.get(f"images/{shot['image']}") == png(IMAGE)


def test_coco(site: Site) -> None:
    image = site.upload(IMAGE)
    answer = bring(site, COCO, images=image, names="mug.png")
    (draft,) = answer["drafts"]
    assert answer["problems"] == []
    assert (draft["keypoint_names"], draft["edges"]) == (["rim", "ear", "foot"], [[0, 2]])
    assert draft["shots"][0]["keypoints"] == [
        {"x": 10.0, "y": 8.0, "visible": True},
        {"x": 0.0, "y": 0.0, "visible": False},
        {"x": 30.0, "y": 40.0, "visible": True},
    ]


def test_cvat(site: Site) -> None:
    image = site.upload(IMAGE)
    answer = bring(site, CVAT, images=image, names="mug.png")
    (draft,) = answer["drafts"]
    assert answer["problems"] == []
    assert (draft["keypoint_names"], draft["edges"]) == (["rim", "foot"], [[0, 1]])
    assert draft["shots"][0]["box"] is None
    assert draft["shots"][0]["keypoints"] == [
        {"x": 10.0, "y": 8.0, "visible": True},
        {"x": 30.0, "y": 40.0, "visible": True},
    ]


@pytest.mark.parametrize("format", archive.FORMATS)
def test_what_is_exported_can_be_imported_and_registered(site: Site, format: str) -> None:
    site.stand.server.register(category())
    packed = site.browser.get(f"/api/categories/cup/export?format={format}")
    assert packed.headers["content-type"] == "application/zip"
    assert f"cup_{format}.zip" in packed.headers["content-disposition"]
    answer = bring(site, packed.content)
    (draft,) = answer["drafts"]
    assert answer["problems"] == []
    site.post("categories", draft | {"mode": "replace"})
    before, after = category(), site.stand.server.categories["cup"]
    assert after.keypoint_names == before.keypoint_names
    assert np.allclose(after.shots[0].keypoints, before.shots[0].keypoints, atol=2e-3)
    assert np.array_equal(after.shots[0].image, before.shots[0].image)


def test_one_image_is_the_one_that_is_meant_whatever_it_is_called(site: Site) -> None:
    image = site.upload(IMAGE)
    answer = bring(site, COCO, images=image, names="IMG_0042.png")
    assert answer["drafts"][0]["shots"][0]["image"] == image


def test_points_on_the_border_and_outside(site: Site) -> None:
    keypoints = [64, 8, 2, 90, 8, 2, 30, 40, 1]
    content = COCO | {"annotations": [COCO["annotations"][0] | {"keypoints": keypoints}]}
    answer = bring(site, content, images=site.upload(IMAGE), names="mug.png")
    rim, ear, foot = answer["drafts"][0]["shots"][0]["keypoints"]
    assert (rim["x"], rim["visible"], foot["visible"]) == (63.5, True, True)
    assert not ear["visible"]
    assert answer["problems"] == ["mug.png: 'ear' lies outside the image, at (90, 8)"]


def test_images_that_are_missing_or_of_another_size_are_told(site: Site) -> None:
    answer = bring(site, COCO)
    assert answer["drafts"] == []
    assert answer["problems"] == ["1 image is not here: photos/mug.png; add it"]
    small = site.upload(IMAGE[:20, :20])
    answer = bring(site, LABELME, images=small, names="mug.png")
    assert "20 x 20; the file speaks of 64 x 48" in answer["problems"][0]
    turned = site.upload(np.rot90(IMAGE))
    answer = bring(site, LABELME, images=turned, names="mug.png")
    assert "is 48 x 64; the file speaks of 64 x 48" in answer["problems"][0]
    assert "EXIF" in answer["problems"][0]
    answer = bring(site, LABELME, images="gone", names="mug.png")
    assert "upload it again" in answer["problems"][0]
    (fault,) = site.ask("POST", "import?images=a,b&names=c", 400, content=b"{}")["faults"]
    assert fault["field"] == "names"


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return packed.getvalue()


ALIASES = b"name: &a [x,x]\nversion: *a\n"
NOWHERE = {**LABELME, "shapes": [{"label": "rim", "points": [["a", 1]], "shape_type": "point"}]}
WRONG = {
    "nothing": b"",
    "text": b"hello",
    "deep": b"[" * 100_000,
    "list": b"[]",
    "other json": b'{"a": 1}',
    "no shapes": b'{"shapes": 1}',
    "a word for a number": json.dumps(NOWHERE).encode(),
    "infinite": json.dumps(NOWHERE).replace('"a"', "1e999").encode(),
    "no images": b'{"annotations": [], "images": 3, "categories": []}',
    "other xml": b"<html/>",
    "broken xml": b"<annotations><image>",
    "entities": b'<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>',
    "files": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotations>&b;</annotations>',
    "cut zip": zipped({"a.json": b"{}"})[:-30],
    "empty zip": zipped({}) or b"",
    "zip of text": zipped({"a.txt": b"hello"}),
    "aliases": zipped({"category.yaml": ALIASES}),
    "no category": zipped({"category.yaml": b"name: cup"}),
    "another type": zipped({"category.yaml": b"!!python/object/apply:os.system [id]"}),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_with_a_file_is_said(site: Site, data: bytes) -> None:
    faults = site.ask("POST", "import", 400, content=data)["faults"]
    assert all(fault["field"] and fault["reason"] for fault in faults)


def test_letters_that_no_text_has(site: Site) -> None:
    """Half a pair of surrogates: what Python makes of a file's name that is not UTF-8."""
    point = {"label": "rim \udcfc \U0001f600", "points": [[9, 9]], "shape_type": "point"}
    shapes = [
        point,
        {**point, "label": "rim \udcfd"},
        {**point, "label": "\ud83d", "points": [[1]]},
    ]
    content = {"shapes": shapes, "imagePath": "m\udcfcg.png"}
    answer = site.browser.post("/api/import", content=json.dumps(content))
    assert answer.status_code == 200
    assert "m\\udcfcg.png" in answer.json()["problems"][1]
    image = site.upload(IMAGE)
    of_image = f"?images={image}&names=a.png"
    (draft,) = site.browser.post(
        f"/api/import{of_image}", content=json.dumps(content).encode("utf-16")
    ).json()["drafts"]
    assert draft["keypoint_names"] == ["rim \\udcfc \U0001f600", "rim \\udcfd"]
    coco = json.loads(json.dumps(COCO).replace("mug.png", "\\udcfc.png").replace("rim", "\\ud83d"))
    (draft,) = site.browser.post(f"/api/import{of_image}", content=json.dumps(coco)).json()[
        "drafts"
    ]
    assert draft["keypoint_names"] == ["\\ud83d", "ear", "foot"]
    fault = FaultsAnswer.of([Fault("file\udcfc", "b\udcfc: no such file")]).faults[0]
    assert (fault.field, fault.reason) == ("file\\udcfc", "b\\udcfc: no such file")


def test_what_can_be_read_of_a_zip_file_is_read(site: Site) -> None:
    packed = zipped(
        {
            "../../mug.png": png(IMAGE),
            "a/broken.json": b"{",
            "a/mug.json": json.dumps(LABELME).encode(),
            "evil.png": b"no image",
            "evil.json": json.dumps(LABELME | {"imagePath": "evil.png"}).encode(),
        }
    )
    answer = bring(site, packed)
    assert [len(draft["shots"]) for draft in answer["drafts"]] == [1]
    assert any("broken.json" in problem for problem in answer["problems"])
    assert any("evil.png" in problem for problem in answer["problems"])


def test_a_zip_file_of_endless_zeros_is_not_unpacked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MOST_OCTETS", 1_000_000)
    packed = zipped({"a.json": bytes(50_000_000)})
    assert len(packed) < 100_000
    (fault,) = site.ask("POST", "import", 400, content=packed)["faults"]
    assert "more than" in fault["reason"]
    many = zipped({f"{number}.json": b"" for number in range(archive.MOST_FILES + 1)})
    site.ask("POST", "import", 400, content=many)
