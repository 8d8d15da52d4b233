#!/usr/bin/env python3
"""Writes tests/golden/pictures: small PNG and JPEG files of every colour form, and what PIL's convert("RGB") makes of each.

    python tests/pictures/make_pictures.py tests/golden/pictures

Made with Pillow 13.0.0 (libjpeg-turbo 3.2.0). expected.json: name -> width, height, rgb as hexadecimal digits.
"""
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

W, H = 13, 9
random = np.random.default_rng(5)
COLOUR = random.integers(0, 256, (H, W, 4), dtype=np.uint8)
SMOOTH = np.stack([np.add.outer(np.arange(40) * 5, np.arange(50) * 1), np.add.outer(np.arange(40) * 2, np.arange(50) * 4),
                   np.add.outer(np.arange(40) * 3, 250 - np.arange(50) * 3)], -1).clip(0, 255).astype(np.uint8)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth, colour, rows, before=b"", interlace=0):
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    header = struct.pack(">IIBBBBB", W, H, depth, colour, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def packed(values, depth):
    bits = "".join(format(int(v), "0%db" % depth) for v in values)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def jpeg(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def pictures():
    small = random.integers(0, 16, (H, W))
    wide = random.integers(0, 65536, (H, W, 4)).astype(">u2")
    palette = random.integers(0, 256, (16, 3), dtype=np.uint8).tobytes()
    yield "rgb.png", png(8, 2, [row.tobytes() for row in COLOUR[..., :3]])
    yield "rgba.png", png(8, 6, [row.tobytes() for row in COLOUR])
    yield "grey.png", png(8, 0, [row.tobytes() for row in COLOUR[..., 0]])
    yield "grey_alpha.png", png(8, 4, [row.tobytes() for row in COLOUR[..., :2]])
    for depth in (1, 2, 4):
        yield "grey%d.png" % depth, png(depth, 0, [packed(row % 2**depth, depth) for row in small])
    yield "palette4.png", png(4, 3, [packed(row, 4) for row in small], chunk(b"PLTE", palette))
    yield "palette_alpha.png", png(8, 3, [bytes(row.tolist()) for row in small],
                                   chunk(b"PLTE", palette) + chunk(b"tRNS", bytes([0, 128, 255])))
    yield "key_colour.png", png(8, 2, [row.tobytes() for row in COLOUR[..., :3]],
                                chunk(b"tRNS", struct.pack(">HHH", *map(int, COLOUR[0, 0, :3]))))
    yield "rgb16.png", png(16, 2, [row.tobytes() for row in wide[..., :3]])
    yield "rgba16.png", png(16, 6, [row.tobytes() for row in wide])
    yield "gamma.png", png(8, 2, [row.tobytes() for row in COLOUR[..., :3]], chunk(b"gAMA", struct.pack(">I", 100000)))
    steps = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = [row.tobytes() for x, y, dx, dy in steps for row in COLOUR[y::dy, x::dx, :3] if row.size]
    yield "interlaced.png", png(8, 2, rows, interlace=1)
    smooth = Image.fromarray(SMOOTH)
    yield "rgb.jpg", jpeg(smooth, quality=90, subsampling=0)
    yield "chroma.jpg", jpeg(smooth, quality=75, subsampling=2)
    yield "progressive.jpg", jpeg(smooth, quality=80, progressive=True)
    yield "grey.jpg", jpeg(smooth.convert("L"), quality=80)
    yield "cmyk.jpg", jpeg(smooth.convert("CMYK"), quality=90)


def main():
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, data in pictures():
        (target / name).write_bytes(data)
        with Image.open(target / name) as image:
            rgb = image.convert("RGB")
            expected[name] = {"width": rgb.width, "height": rgb.height, "rgb": rgb.tobytes().hex()}
    (target / "expected.json").write_text(json.dumps(expected, indent=0) + "\n")


main()
