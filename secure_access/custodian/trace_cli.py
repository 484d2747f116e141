"""``assay custodian trace``: which release a copied page came from."""

from __future__ import annotations

from pathlib import Path

import click
from PIL import Image

from secure_access.custodian import mark
from secure_access.custodian.trace import LARGEST_PICTURE, Release, trace
from secure_access.keys import KeyFailure

OUT_OF_SCOPE = "Photographs of a screen or of paper, turned pictures and retyped text are not traced."


@click.command("trace")
@click.argument("image", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--home",
    required=True,
    envvar="ASSAY_CUSTODIAN_HOME",
    type=click.Path(file_okay=False, path_type=Path),
    help="The custodian's home, where the mark key lies.",
)
def trace_command(image: Path, home: Path) -> None:
    """Read the mark of a released page in IMAGE, a picture file: whole, scaled, cropped or saved as JPEG.

    Photographs of a screen or of paper, turned pictures and retyped text are not traced. Exit status 0: a
    release whose MAC fits; 1: no evidence, which is no proof that the page was never released; 2: the picture
    or the mark key cannot be read.
    """
    try:
        key = mark.mark_key(home)
        found = trace(_picture(image), key)
    except (KeyFailure, _Unreadable) as problem:
        click.echo(str(problem), err=True)
        raise SystemExit(2) from None
    if isinstance(found, Release):
        click.echo(f"release {found.number}, MAC valid")
        return
    click.echo(f"no evidence\n{OUT_OF_SCOPE}")
    raise SystemExit(1)


class _Unreadable(Exception):
    """The file is no picture that can be read."""


def _picture(path: Path) -> Image.Image:
    try:
        with Image.open(path, formats=("PNG", "JPEG", "WEBP")) as image:
            if image.width * image.height > LARGEST_PICTURE:
                raise _Unreadable(f"{path} is too large: {image.width} × {image.height} pixels.")
            return image.convert("RGB")
    except FileNotFoundError:
        raise _Unreadable(f"{path} is not there.") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise _Unreadable(f"{path} cannot be read as PNG, JPEG or WebP.") from None
