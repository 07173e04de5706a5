"""Thousands of damaged pictures through the decoder: `python -m tests.fuzz_images --n 10000 --seed 1`.

Each is refused with a reason or comes back as a plain JPEG; the decoder process lives on and this one does not grow.
Exits with 1 otherwise.
"""

import argparse
import io
import random
import resource
import sys
import time
from collections import Counter

from intake import imaging
from tests.intake.pictures import CORPUS, animated, encoded, exif, flipped, heic, scene


def main() -> int:
    """Run, print one line, say how it went."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--n", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    rng = random.Random(given.seed)
    small = scene(160, 120)
    seeds = [
        encoded(picture=small, exif=exif()), encoded(picture=small, progressive=True), encoded(picture=small.convert("CMYK")),
        encoded("PNG", small), encoded("PNG", small.quantize(16)), encoded("WEBP", small), encoded("WEBP", small, lossless=True),
        animated("WEBP"), heic(),
    ]  # fmt: skip
    for make, reason in CORPUS.values():
        data = make()
        if reason and len(data) < 100_000:
            seeds.append(data or b"\xff")
    imaging.clean(seeds[0])
    first, before = imaging.decoder.process, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found: Counter[str] = Counter()
    slow, leaks = 0.0, 0
    for _turn in range(given.n):
        data = flipped(rng.choice(seeds), rng)
        begun = time.monotonic()
        try:
            made = imaging.clean(data)
            found["taken"] += 1
            leaks += any(b"CANARY" in out or not imaging.only_pixels(out) for out in (made.whole, made.small))
        except imaging.ImagingError as error:
            found[str(error)] += 1
        slow = max(slow, time.monotonic() - begun)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    same = imaging.decoder.process is first
    out = io.StringIO()
    out.write(f"images={given.n} " + " ".join(f"{name}={count}" for name, count in sorted(found.items())))
    out.write(f" slowest_s={slow:.2f} metadata={leaks} grown_kb={grown} decoder_survived={same} seed={given.seed}\n")
    sys.stdout.write(out.getvalue())
    return int(bool(leaks) or slow > 12 or grown > 60_000 or not same)


if __name__ == "__main__":
    sys.exit(main())
