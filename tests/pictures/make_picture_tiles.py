#!/usr/bin/env python3
"""Writes tests/golden/picture_tiles.json: digests of what PIL's resize and transformers' picture processors make of
pictures whose pixels are by formula (see picture()).

    python tests/pictures/make_picture_tiles.py tests/golden/picture_tiles.json

Made with transformers 5.23.0 and Pillow 13.0.0.
"""
import hashlib
import json
import sys

import numpy as np
from PIL import Image
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil


def picture(width, height):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return Image.fromarray(((x * x * 3 + y * 5 + x * y * (c + 1) + c * 80) % 256).astype(np.uint8))


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def main():
    resized = []
    for filter in range(6):
        for size, to in (((40, 30), (17, 23)), ((40, 30), (100, 31)), ((7, 5), (64, 64)), ((301, 200), (20, 11)),
                         ((40, 30), (40, 13)), ((40, 30), (33, 30)), ((1, 9), (5, 5)), ((38, 64), (32, 32)),
                         ((68, 44), (63, 34)), ((65, 52), (49, 19)), ((64, 64), (70, 50))):
            out = picture(*size).resize(to, filter)
            resized.append({"filter": filter, "from": size, "to": to, "sha256": digest(np.array(out))})
    tiles = []
    for options in (dict(), dict(size={"longest_edge": 64}, max_image_size={"longest_edge": 32}),
                    dict(size={"longest_edge": 64}, max_image_size={"longest_edge": 32}, do_image_splitting=False),
                    dict(size={"longest_edge": 90}, max_image_size={"longest_edge": 40}, resample=3,
                         image_mean=[0.48, 0.45, 0.4], image_std=[0.26, 0.27, 0.28]),
                    dict(size={"height": 50, "width": 70}, max_image_size={"longest_edge": 24}, resample=2),
                    dict(size={"longest_edge": 24}, max_image_size={"longest_edge": 32}),
                    dict(do_resize=False, max_image_size={"longest_edge": 32}, do_normalize=False)):
        for size in ((50, 30), (30, 50), (33, 32), (200, 7), (64, 64), (5, 3)):
            if not options and size != (50, 30):
                continue
            for kind in (Idefics3ImageProcessorPil, SmolVLMImageProcessorPil):
                processor = kind(**options)
                out = processor(picture(*size), return_tensors="np", return_row_col_info=True)
                values = out["pixel_values"][0].astype(np.float32)
                tiles.append({"config": {"image_processor_type": kind.__name__, **options}, "size": size,
                              "rows": int(out["rows"][0][0]), "columns": int(out["cols"][0][0]),
                              "shape": values.shape, "sha256": digest(values)})
    with open(sys.argv[1], "w") as file:
        json.dump({"resized": resized, "tiles": tiles}, file, indent=0)
        file.write("\n")
    print(len(resized), len(tiles), sum(not t["rows"] for t in tiles))


main()
