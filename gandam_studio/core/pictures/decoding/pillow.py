"""Decoding with Pillow, for GIF, WebP, BMP, TIFF, AVIF, TGA, DDS, CMYK JPEG and animations.

Only the plugin of the sniffed format sees the bytes, and a picture's size is checked before its pixels are decoded.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gandam_studio.core.pictures.decoding.colour import is_srgb, to_srgb
from gandam_studio.core.pictures.decoding.exif import in_xmp, upright
from gandam_studio.core.pictures.decoding.limits import Limits, UnreadablePicture
from gandam_studio.core.pictures.decoding.png import to_8_bit

_PLUGINS = {
    "png": ("PngImagePlugin", ("PNG",)),
    "jpeg": ("MpoImagePlugin", ("JPEG", "MPO")),
    "gif": ("GifImagePlugin", ("GIF",)),
    "webp": ("WebPImagePlugin", ("WEBP",)),
    "bmp": ("BmpImagePlugin", ("BMP",)),
    "tiff": ("TiffImagePlugin", ("TIFF",)),
    "avif": ("AvifImagePlugin", ("AVIF",)),
    "tga": ("TgaImagePlugin", ("TGA",)),
    "dds": ("DdsImagePlugin", ("DDS",)),
}
_SPOKEN = ("TIFF", "AVIF")  # pronounced as words
_ORIENTATION = 0x0112
_FAX = (2, 3, 4)  # TIFF compression: libtiff decodes damaged fax data without reporting an error


class Frames:
    """An opened picture as a `sequences.Sequence` of its frames.

    Attributes:
        image: the opened picture.
        count: number of frames that the file declares.
        first: 1 for an APNG whose picture for viewers without animation support is not one of its frames, else 0.
        size: (width, height) in pixels.
    """

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.count = int(getattr(image, "n_frames", 1))
        self.first = 1 if getattr(image, "default_image", False) and self.count > 1 else 0
        self.size = image.size

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Decode frame `index`: (H, W, 4) RGBA uint8."""
        if index or self.image.tell():
            self.image.seek(index)
        return first_frame(self.image)

    def tags(self, index: int) -> tuple[str, ...]:
        """Return no names: these formats have none."""
        return ()


@contextlib.contextmanager
def opened(data: bytes, kind: str, limits: Limits) -> Iterator[Image.Image]:
    """Open a picture with Pillow and check its size. Any error of Pillow becomes UnreadablePicture."""
    plugin, formats = _PLUGINS[kind]
    with warnings.catch_warnings():
        # Pillow warns about odd metadata, which does not affect the pixels.
        warnings.simplefilter("ignore")
        try:
            importlib.import_module(f"PIL.{plugin}")
            with Image.open(io.BytesIO(data), formats=formats) as image:
                limits.check_size(*image.size)
                yield image
        except UnreadablePicture:
            raise
        except Image.DecompressionBombError:
            raise UnreadablePicture("too large: its header promises more pixels than memory holds") from None
        except Image.UnidentifiedImageError:
            raise UnreadablePicture(f"{with_article(kind.upper())} that cannot be read") from None
        except MemoryError:
            raise UnreadablePicture("needs too much memory") from None
        except NotImplementedError:
            raise UnreadablePicture(f"{with_article(kind.upper())} of a variant that is not supported") from None
        except ImportError:
            raise UnreadablePicture(f"{kind.upper()} is not supported by this installation") from None
        except Exception as error:  # Pillow's plugins raise nearly anything on damaged files
            raise UnreadablePicture(_reason(error)) from None


def first_frame(image: Image.Image) -> NDArray[np.uint8]:
    """Return the current frame as (H, W, 4) RGBA: sRGB and upright."""
    if getattr(image, "tag_v2", {}).get(259) in _FAX:
        raise UnreadablePicture("fax-coded TIFF is not supported (damage in it cannot be detected)")
    tagged = _ORIENTATION in getattr(image, "tag_v2", {})
    image.load()
    profile = image.info.get("icc_profile") or b""
    turn = 1 if tagged else _orientation_of(image)
    rgba = _rgba(image, profile if isinstance(profile, bytes) else b"")
    return upright(rgba, turn) if turn != 1 else rgba


def with_article(name: str) -> str:
    """Return "a PNG", "an ICO" etc., according to how the name is pronounced."""
    spelled = name.isupper() and name not in _SPOKEN
    return f"{'an' if name[0] in ('AEFHILMNORSX' if spelled else 'AEIOUaeiou') else 'a'} {name}"


def _orientation_of(image: Image.Image) -> int:
    if image.format == "TIFF":
        return in_xmp(_xmp(image)) or 1  # Pillow has already applied and removed a TIFF tag while loading
    try:
        value = image.getexif().get(_ORIENTATION, 0)
    except Exception:
        value = 0  # the metadata is broken, the picture is not
    return value if isinstance(value, int) and 1 <= value <= 8 else in_xmp(_xmp(image)) or 1


def _xmp(image: Image.Image) -> bytes:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    return packet.encode() if isinstance(packet, str) else packet if isinstance(packet, bytes) else b""


def _rgba(image: Image.Image, profile: bytes) -> NDArray[np.uint8]:
    if image.mode == "La":
        image = image.convert("LA")  # premultiplied grey, which `convert` cannot turn into RGBA
    if image.mode in ("I;16", "I;16B", "I;16L", "I;16N"):
        samples = np.asarray(image).astype(np.uint16)
        if _bits(image) == 12:
            samples = samples * np.uint16(16) + samples // np.uint16(256)
        return np.array(Image.fromarray(to_8_bit(samples)).convert("RGBA"))
    if image.mode in ("I", "F"):
        raise UnreadablePicture(f"{'32-bit' if image.mode == 'I' else 'floating-point'} grey is not supported")
    if not is_srgb(profile):
        converted = _managed(image, profile)
        if converted is not None:
            return converted
    if image.mode == "LAB":
        image = image.convert("RGB")
    # Image.convert handles palettes and the transparent colour in info.
    return np.array(image.convert("RGBA"))


def _bits(image: Image.Image) -> int:
    bits = getattr(image, "tag_v2", {}).get(258, 16)
    return int(bits[0] if isinstance(bits, tuple) else bits)


def _managed(image: Image.Image, profile: bytes) -> NDArray[np.uint8] | None:
    """Return pixels converted by the profile; None if it does not fit the picture."""
    space = profile[16:20]
    if image.mode == "CMYK" and space == b"CMYK":
        converted = to_srgb(image, profile)
        return None if converted is None else np.array(converted.convert("RGBA"))
    if space != b"RGB " or image.mode == "CMYK":
        return None
    rgba = image.convert("RGBA")
    converted = to_srgb(rgba.convert("RGB"), profile)
    if converted is None:
        return None
    converted.putalpha(rgba.getchannel("A"))
    return np.array(converted)


def _reason(error: Exception) -> str:
    text = str(error).lower()
    if "truncated" in text or "not enough" in text or "unexpected end" in text:
        return "truncated"
    return "damaged: its pixels cannot be decoded"
