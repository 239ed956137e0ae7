"""Draws the clip on the start page: a lighthouse at dusk, 121 frames, without a model and anybody's picture.

Run it from the checkout: `python scripts/draw_start_page_clip.py`. To ltxplatform/static/img/ it writes hero.mp4,
hero.webp, five stills, and sample.webp, the picture that new teams may begin with. The motion is periodic, so the
clip loops without a jump.
"""

import math
import random
from itertools import pairwise
from pathlib import Path

import av
from PIL import Image, ImageChops, ImageDraw, ImageFilter

OUT = Path(__file__).resolve().parent.parent / "ltxplatform" / "static" / "img"
SIZE = WIDTH, HEIGHT = 1280, 720
SHOWN = (960, 540)
FRAMES = 121
POSTER = 49
STILLS = (1, 25, 49, 73, 97)
HORIZON = 430
LAMP = (905, 222)
SUN = (446, 392)
SKY = [(0, (24, 30, 58)), (0.45, (92, 68, 104)), (0.78, (226, 122, 84)), (1, (252, 196, 126))]
SEA = [(0, (232, 148, 104)), (0.25, (112, 82, 108)), (1, (18, 24, 42))]

Colour = tuple[int, int, int]


def blend(stops: list[tuple[float, Colour]], at: float) -> Colour:
    """The colour of a gradient at 0 to 1."""
    for (start, first), (end, second) in pairwise(stops):
        if at <= end:
            share = (at - start) / (end - start)
            red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
            return red, green, blue
    return stops[-1][1]


def gradient(stops: list[tuple[float, Colour]], height: int) -> Image.Image:
    column = Image.new("RGB", (1, height))
    column.putdata([blend(stops, y / max(height - 1, 1)) for y in range(height)])
    return column.resize((WIDTH, height))


def ridge(seed: int, base: int, reach: int) -> list[tuple[float, float]]:
    """A line of hills, as a polygon down to the horizon."""
    dice = random.Random(seed)  # noqa: S311 - a drawing, the same every time
    waves = [(dice.uniform(0.002, 0.012), dice.uniform(0, 6.3), dice.uniform(0.3, 1)) for _ in range(6)]
    top = [
        (x, base - reach * abs(sum(size * math.sin(pace * x + shift) for pace, shift, size in waves)) / 2)
        for x in range(0, WIDTH + 8, 8)
    ]
    return [(0, HORIZON), *top, (WIDTH, HORIZON)]


def backdrop() -> Image.Image:
    """What stays still: sky, sun, far hills."""
    picture = Image.new("RGB", SIZE)
    picture.paste(gradient(SKY, HORIZON), (0, 0))
    picture.paste(gradient(SEA, HEIGHT - HORIZON), (0, HORIZON))
    glow = Image.new("RGB", SIZE)
    draw = ImageDraw.Draw(glow)
    x, y = SUN
    for radius in range(330, 30, -6):
        light = 1 - radius / 336
        draw.ellipse(
            (x - radius, y - radius, x + radius, y + radius),
            fill=(round(120 * light), round(76 * light), round(30 * light)),
        )
    draw.rectangle((0, HORIZON, WIDTH, HEIGHT), fill=(0, 0, 0))
    picture = ImageChops.screen(picture, glow.filter(ImageFilter.GaussianBlur(6)))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((x - 38, y - 38, x + 38, y + 38), fill=(255, 232, 184))
    draw.polygon(ridge(4, HORIZON, 70), fill=(122, 80, 106))
    draw.polygon(ridge(11, HORIZON + 4, 38), fill=(84, 58, 92))
    return picture


def headland(draw: ImageDraw.ImageDraw) -> None:
    """The cliff and the lighthouse, nearly black against the light."""
    cliff = [
        (1280, 300),
        (1180, 318),
        (1090, 312),
        (1000, 336),
        (930, 342),
        (850, 352),
        (790, 380),
        (752, 424),
    ]
    draw.polygon([*cliff, (700, 470), (640, 486), (1280, 560)], fill=(22, 20, 36))
    x, y = LAMP
    draw.polygon([(x - 13, y + 14), (x + 13, y + 14), (x + 22, 350), (x - 22, 350)], fill=(34, 29, 46))
    draw.polygon([(x - 16, y + 46), (x + 16, y + 46), (x + 18, y + 72), (x - 18, y + 72)], fill=(150, 66, 54))
    draw.rectangle((x - 17, y + 9, x + 17, y + 15), fill=(16, 15, 27))
    draw.rectangle((x - 10, y - 11, x + 10, y + 9), fill=(255, 224, 150))
    draw.polygon([(x - 14, y - 11), (x + 14, y - 11), (x, y - 27)], fill=(16, 15, 27))
    draw.rectangle((1010, 306, 1062, 336), fill=(20, 18, 32))
    draw.polygon([(1004, 308), (1068, 308), (1036, 286)], fill=(14, 13, 24))
    draw.rectangle((1028, 316, 1038, 326), fill=(255, 206, 128))


def beam(turn: float) -> Image.Image:
    """The lamp's light, sweeping once a clip: strong when it comes towards one side, faint behind."""
    light = Image.new("RGB", SIZE)
    draw = ImageDraw.Draw(light)
    reach, (x, y) = math.cos(turn), LAMP
    for side, strength in ((reach, 1.0), (-reach, 0.3)):
        for share in range(24, 0, -1):
            far = x + side * 46 * share
            spread = share * (1.6 + 1.6 * abs(side))
            fade = strength * (1 - share / 25) ** 1.5 * (0.35 + 0.65 * abs(side))
            colour = (round(190 * fade), round(150 * fade), round(92 * fade))
            draw.polygon(
                [(x, y - 4), (far, y - share - spread), (far, y - share + spread), (x, y + 4)], fill=colour
            )
    for radius in range(70, 10, -5):
        glow = (1 - radius / 75) * (0.5 + 0.5 * math.sin(turn) ** 2)
        colour = (round(230 * glow), round(180 * glow), round(110 * glow))
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return light.filter(ImageFilter.GaussianBlur(9))


def boat(draw: ImageDraw.ImageDraw, share: float, turn: float) -> None:
    """A sail that crosses from the left edge to behind the cliff, so that the clip may start again."""
    x, y = -40 + 840 * share, HORIZON + 44 + 1.5 * math.sin(3 * turn)
    draw.polygon([(x - 22, y - 6), (x + 24, y - 6), (x + 16, y + 3), (x - 16, y + 3)], fill=(20, 18, 32))
    draw.polygon([(x + 1, y - 9), (x + 1, y - 56), (x + 21, y - 11)], fill=(246, 214, 178))
    draw.polygon([(x - 2, y - 9), (x - 2, y - 50), (x - 18, y - 12)], fill=(214, 168, 146))


def waves(draw: ImageDraw.ImageDraw, turn: float) -> None:
    """Short bright and dark strokes, longer and slower towards us; the sun's path glitters."""
    dice = random.Random(7)  # noqa: S311 - a drawing, the same every time
    for _ in range(900):
        depth = dice.random() ** 1.6
        y = HORIZON + 3 + depth * (HEIGHT - HORIZON)
        sway = math.sin(turn * dice.choice((1, 2)) + dice.uniform(0, 6.3))
        in_path = dice.random() < 0.4
        middle = dice.gauss(SUN[0], 24 + 110 * depth) if in_path else dice.uniform(0, WIDTH)
        length = (6 + 60 * depth) * (0.65 + 0.35 * sway)
        x, y = middle + sway * (4 + 16 * depth), y + sway * 2 * depth
        base = blend(SEA, depth)
        lift = (70 - 44 * depth if in_path else 18) * (0.7 + 0.5 * sway)
        warm = (lift, lift * 0.78, lift * 0.56)
        colour = tuple(max(0, min(255, round(part + more))) for part, more in zip(base, warm, strict=True))
        draw.line((x - length / 2, y, x + length / 2, y), fill=colour, width=1 + round(2 * depth))


def frame(still: Image.Image, number: int, size: tuple[int, int] = SHOWN) -> Image.Image:
    turn = 2 * math.pi * (number - 1) / FRAMES
    picture = still.copy()
    waves(ImageDraw.Draw(picture), turn)
    boat(ImageDraw.Draw(picture), (number - 1) / FRAMES, turn)
    headland(ImageDraw.Draw(picture))
    picture = ImageChops.screen(picture, beam(turn))
    # A slow breath towards the lamp and back.
    near = 1.03 + 0.03 * math.sin(turn - math.pi / 2)
    wide, high = WIDTH / near, HEIGHT / near
    left, top = (WIDTH - wide) * 0.62, (HEIGHT - high) * 0.45
    return picture.resize(size, Image.Resampling.LANCZOS, (left, top, left + wide, top + high))


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    still = backdrop()
    frame(still, POSTER, SIZE).save(OUT / "sample.webp", quality=90, method=6)
    with av.open(OUT / "hero.mp4", "w", options={"movflags": "faststart"}) as movie:
        quality = {"crf": "29", "preset": "slow", "tune": "animation"}
        stream = movie.add_stream("libx264", rate=24, options=quality)
        stream.width, stream.height, stream.pix_fmt = *SHOWN, "yuv420p"
        for number in range(1, FRAMES + 1):
            picture = frame(still, number)
            movie.mux(stream.encode(av.VideoFrame.from_image(picture)))
            if number == POSTER:
                picture.save(OUT / "hero.webp", quality=82, method=6)
            if number in STILLS:
                small = picture.resize((320, 180), Image.Resampling.LANCZOS)
                small.save(OUT / f"hero-{number}.webp", quality=78, method=6)
        movie.mux(stream.encode())


if __name__ == "__main__":
    main()
