"""Pictures for the demo, drawn stroke by stroke: no photo of anybody."""

import io
import math
import random

from PIL import Image, ImageDraw, ImageFilter

SIDE = 1200
_SKIN, _HAIR = [(233, 190, 158), (205, 158, 122), (156, 110, 78)], [(64, 44, 32), (92, 66, 45), (34, 28, 26)]


def draw(view: str, person: int, thin: float = 0.75) -> bytes:
    """One view (front, top, crown, left, right, close) of an invented head, as a PNG. `thin` scales the bare spot."""
    rng = random.Random(f"{view} {person}")  # noqa: S311 (hair, not secrets)
    skin, hair = _SKIN[person % 3], _HAIR[person % 3]
    picture = Image.new("RGB", (SIDE, SIDE), (150, 156, 158))
    pen = ImageDraw.Draw(picture)
    if view in {"top", "crown"}:
        pen.ellipse((170, 90, 1030, 1130), fill=skin)
    elif view == "front":
        pen.ellipse((190, 60, 1010, 1500), fill=skin)
    elif view == "close":
        pen.rectangle((0, 0, SIDE, SIDE), fill=skin)
    else:
        pen.ellipse((150, 80, 1080, 1250), fill=skin)
        ear = (640, 690, 770, 920) if view == "left" else (SIDE - 770, 690, SIDE - 640, 920)
        pen.ellipse(ear, fill=tuple(c - 14 for c in skin), outline=tuple(c - 40 for c in skin), width=5)
    picture = picture.filter(ImageFilter.GaussianBlur(3))
    pen = ImageDraw.Draw(picture)
    for _stroke in range(9000):
        x, y = rng.uniform(60, SIDE - 60), rng.uniform(20, SIDE - 20)
        angle, cover = _hair_at(view, x, y, person, thin)
        if rng.random() > cover:
            continue
        shade = rng.uniform(0.7, 1.5)
        points, length = [(x, y)], rng.uniform(26, 58)
        for _step in range(4):
            angle += rng.uniform(-0.1, 0.16)
            x, y = x + math.cos(angle) * length / 4, y + math.sin(angle) * length / 4
            points.append((x, y))
        pen.line(points, fill=tuple(min(255, int(c * shade)) for c in hair), width=rng.choice((2, 3, 3, 4)), joint="curve")
    held = io.BytesIO()
    picture.save(held, "PNG", compress_level=1)
    return held.getvalue()


def _hair_at(view: str, x: float, y: float, person: int, thin: float) -> tuple[float, float]:
    """Which way hair lies at a point, and how likely there is some."""
    if view in {"top", "crown"}:
        cx, cy = (620, 700) if view == "top" else (610, 590)
        inside = ((x - 600) / 430) ** 2 + ((y - 610) / 520) ** 2 < 1.02
        bare = math.exp(-((math.hypot(x - cx, y - cy) / (thin * (200 + 50 * (person % 3)))) ** 2))
        away = math.atan2(y - cy, x - cx)
        return away + (1.1 if view == "crown" else 0.5), (1 - 0.9 * bare) if inside else 0
    if view == "front":
        line = 360 - 40 * thin - 150 * math.cos((x - 600) / 300) ** 2 * (1 if person % 2 else 0.4)
        inside = ((x - 600) / 420) ** 2 + ((y - 700) / 680) ** 2 < 1.02
        return -math.pi / 2 + (x - 600) / 520, 1.0 if inside and y < line else 0
    if view == "close":
        bare = math.exp(-((math.hypot((x - 600) / 1.3, y - 600) / 210) ** 4))
        return 0.6 + x / 900, 1 - bare
    across = x if view == "left" else SIDE - x
    inside = ((x - 615) / 470) ** 2 + ((y - 660) / 590) ** 2 < 1.02
    covered = inside and y < 380 + max(0, across - 380) * 0.9 and not (across < 560 and y > 560)
    return (0.35 if view == "left" else math.pi - 0.35) + (y - 300) / 900, 1.0 if covered else 0
