"""Uploads: what is kept, and what is refused before it costs anything."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import pytest
from browsing import Site, png
from steered import Stand

from cape_ros.studio import image_store, studio, videos

IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def film(folder: Path, frames: int, name: str = "film.mp4") -> bytes:
    """Each frame brighter than the one before."""
    path = folder / name
    codec = cv2.VideoWriter.fourcc(*("mp4v" if name.endswith("mp4") else "MJPG"))
    writer = cv2.VideoWriter(str(path), codec, 12.0, (64, 48))
    for index in range(frames):
        writer.write(np.full((48, 64, 3), (20 * index) % 250, np.uint8))
    writer.release()
    return path.read_bytes()


def bomb(width: int, height: int) -> bytes:
    """A small PNG file that says it is large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000_000))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*each) for each in ((b"IHDR", head), (b"IDAT", pixels), (b"IEND", b""))
    )


def test_an_image_comes_back_as_it_was(site: Site) -> None:
    answer = site.ask("POST", "images", content=png(IMAGE))
    assert (answer["width"], answer["height"]) == (64, 48)
    stored = site.browser.get(f"/api/images/{answer['image']}")
    assert stored.headers["content-type"] == "image/png"
    assert stored.content == png(IMAGE)
    jpeg = io.BytesIO()
    PIL.Image.fromarray(IMAGE).save(jpeg, "JPEG")
    answer = site.ask("POST", "images", content=jpeg.getvalue())
    stored = site.browser.get(f"/api/images/{answer['image']}")
    assert stored.headers["content-type"] == "image/jpeg"


def test_a_photograph_that_was_taken_upright(site: Site) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    file = io.BytesIO()
    PIL.Image.fromarray(IMAGE).save(file, "JPEG", exif=exif)
    answer = site.ask("POST", "images", content=file.getvalue())
    assert (answer["width"], answer["height"]) == (48, 64)  # as a browser shows it


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no whole JPEG or PNG"),
        (b"hello", "no whole JPEG or PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "no whole"),
        (b"GIF89a" + bytes(100), "no whole"),
        (png(IMAGE)[:-2000], "no whole"),
        (bomb(8000, 8000), "64000000|8000 x 8000"),
        (bomb(2**31 - 1, 2**31 - 1), "no whole"),
    ],
    ids=["empty", "text", "svg", "gif", "cut", "bomb", "huge"],
)
def test_what_is_no_image_or_too_large_is_refused(site: Site, data: bytes, reason: str) -> None:
    (fault,) = site.ask("POST", "images", 400, content=data)["faults"]
    assert fault["field"] == "image"
    assert any(part in fault["reason"] for part in reason.split("|"))


@pytest.mark.parametrize("path", ["images", "videos", "import"])
def test_a_form_is_told_from_a_file(site: Site, path: str) -> None:
    """As `curl -F file=@photo.png` sends it."""
    (fault,) = site.ask("POST", path, 400, files={"file": png(IMAGE)})["faults"]
    assert fault["reason"] == "is a form; send the file itself as the body"


def test_more_octets_than_allowed_are_not_read(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_store, "MOST_OCTETS", 1000)
    large = png(IMAGE)
    (fault,) = site.ask("POST", "images", 400, content=large)["faults"]
    assert "more than" in fault["reason"]
    pieces = (large[at : at + 100] for at in range(0, len(large), 100))  # without a length
    site.ask("POST", "images", 400, content=pieces)


def test_uploads_used_longest_ago_go_first_and_the_answer_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "MOST_OCTETS_KEPT", 4 * len(png(IMAGE)))
    with Stand.on(tmp_path) as stand:
        site = Site(stand)

        def upload(number: int) -> tuple[str, list[str]]:
            answer = site.ask("POST", "images", content=png(IMAGE + np.uint8(number)))
            return answer["image"], answer["dropped"]

        (first, _), (second, _) = upload(0), upload(1)
        video = site.ask("POST", "videos", content=film(tmp_path, 2))["video"]
        site.get(f"images/{first}")
        third, dropped = upload(2)
        assert dropped == []
        site.get(f"images/{video}.1")
        fourth, dropped = upload(3)
        assert dropped == [second]
        (fault,) = site.get(f"images/{second}", 400)["faults"]
        assert (fault["code"], "upload it again" in fault["reason"]) == ("unknown_image", True)
        stand.show(image=IMAGE, header=7)
        assert site.post("freeze", {"camera": "a"})["dropped"] == [first]
        noise = np.random.default_rng(1).integers(0, 256, (48, 3 * 64, 3), dtype=np.uint8)
        answer = site.ask("POST", "images", content=png(noise))
        assert answer["dropped"] == [third, video, fourth]
        site.close()


def test_a_browser_shows_the_pixels_that_are_registered(site: Site) -> None:
    """Not all of them follow an orientation in a PNG file, and none shows what it hides."""
    turned = PIL.Image.Exif()
    turned[0x112] = 6
    hidden = PIL.Image.fromarray(np.dstack([IMAGE, np.full(IMAGE.shape[:2], 0, np.uint8)]))
    for image, expected in ((PIL.Image.fromarray(IMAGE), np.rot90(IMAGE, -1)), (hidden, 255)):
        file = io.BytesIO()
        image.save(file, "PNG", exif=turned)
        answer = site.ask("POST", "images", content=file.getvalue())
        assert (answer["width"], answer["height"]) == (48, 64)
        shown = PIL.Image.open(io.BytesIO(site.get(f"images/{answer['image']}")))
        assert (shown.mode, len(shown.getexif())) == ("RGB", 0)
        assert (np.asarray(shown) == expected).all()


def test_a_frozen_frame_loses_nothing(site: Site) -> None:
    site.stand.register("cup")
    site.stand.show(image=IMAGE[..., ::-1], header=7)
    frozen = site.post("freeze", {"camera": "a"})
    assert (frozen["camera"], frozen["stamp_ns"]) == ("a", 7)
    assert [found["category"] for found in frozen["objects"]] == ["cup"]
    picture = PIL.Image.open(io.BytesIO(site.get(f"images/{frozen['image']}")))
    assert np.array_equal(np.asarray(picture), IMAGE[..., ::-1])
    assert site.post("freeze", {})["camera"] == "a"
    assert "camera" in site.faults("freeze", {"camera": "b"})


@pytest.mark.parametrize("name", ["film.mp4", "film.avi"])
def test_frames_of_a_video_are_images(site: Site, tmp_path: Path, name: str) -> None:
    answer = site.ask("POST", "videos", content=film(tmp_path, 9, name))
    assert (answer["frames"], answer["width"], answer["height"]) == (9, 64, 48)
    assert answer["fps"] == pytest.approx(12)
    means = []
    for index in range(9):
        frame = site.get(f"images/{answer['video']}.{index}")
        means.append(np.asarray(PIL.Image.open(io.BytesIO(frame))).mean())
    assert np.diff(means).min() > 10
    for wrong in ("9", "-1", "x", "", "0x1", "1.0", "9" * 50, "²"):
        site.get(f"images/{answer['video']}.{wrong}", 400)
    site.stand.register("cup")
    body = {"image": f"{answer['video']}.3", "category": "cup"}
    assert site.post("estimate", body)["object"]["category"] == "cup"


def test_a_film_that_does_not_say_its_type(site: Site, tmp_path: Path) -> None:
    """As QuickTime files of old cameras and some phones."""
    whole = film(tmp_path, 9)
    (size,) = struct.unpack(">I", whole[:4])
    wide = struct.pack(">I4s", 8, b"wide") + struct.pack(">I4s", size - 8, b"free")
    answer = site.ask("POST", "videos", content=wide + bytes(size - 16) + whole[size:])
    assert answer["frames"] == 9


def test_a_video_that_cannot_be_used_is_refused(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = film(tmp_path, 9)
    secret = tmp_path / "secret.ts"
    secret.write_bytes(whole)
    playlist = f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode()
    for data in (b"", b"no video", playlist, whole[:40], whole[:8] + bytes(500)):
        (fault,) = site.ask("POST", "videos", 400, content=data)["faults"]
        assert fault["field"] == "video"
    monkeypatch.setattr(videos, "MOST_FRAMES", 8)
    (fault,) = site.ask("POST", "videos", 400, content=whole)["faults"]
    assert "more than 8 frames" in fault["reason"]
