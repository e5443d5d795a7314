"""Writes sound images with the programs that others use, by writer and class."""

import io
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy
import pyvips
import tifffile

from tests.images.scenes import deep, page

Draw = numpy.random.Generator
Write = Callable[[Draw, Path], None]
DPI = (300, 300)
LONGEST_SECONDS = 60
MAGICK = shutil.which("convert-im6.q16") or shutil.which("magick") or shutil.which("convert")


@dataclass(frozen=True)
class Kind:
    """One way in which one writer writes."""

    writer: str
    name: str
    """The class: compression and layout."""
    suffix: str
    write: Write


def run(*command: object) -> None:
    """Run a program. Raises CalledProcessError."""
    words = [str(word) for word in command]
    subprocess.run(words, check=True, capture_output=True, timeout=LONGEST_SECONDS)


def _vips(name: str, suffix: str, mode: str, **options: object) -> Kind:
    def write(draw: Draw, path: Path) -> None:
        samples = numpy.asarray(page(draw, "L" if mode in ("1", "I;16") else mode))
        image = pyvips.Image.new_from_array(
            samples, interpretation="srgb" if mode == "RGB" else "b-w"
        )
        if mode == "1":
            image = image > 128
        if mode == "I;16":
            image = pyvips.Image.new_from_array(
                deep(page(draw, "L"), draw), interpretation="grey16"
            )
        if mode == "CMYK":
            image = image.colourspace("cmyk")
        image = image.copy(xres=300 / 25.4, yres=300 / 25.4)
        image.write_to_file(str(path), **options)

    return Kind("libvips", name, suffix, write)


def _pillow(name: str, suffix: str, mode: str, **options: object) -> Kind:
    def write(draw: Draw, path: Path) -> None:
        base = page(draw, mode if mode in ("1", "L") else "RGB")
        image = base if base.mode == mode else base.convert(mode)
        if suffix == ".mpo":
            with io.BytesIO() as file:
                image.save(file, "MPO", save_all=True, append_images=[page(draw)], dpi=DPI)
                path.write_bytes(file.getvalue())
            return
        image.save(path, dpi=DPI, **options)

    return Kind("Pillow", name, ".jpg" if suffix == ".mpo" else suffix, write)


def _tifffile(name: str, mode: str, **options: object) -> Kind:
    def write(draw: Draw, path: Path) -> None:
        image = page(draw, mode if mode in ("1", "L") else "RGB")
        samples = deep(image, draw) if mode.endswith("16") else numpy.asarray(image)
        how = dict(options)
        order = how.pop("byteorder", "<")
        big = how.pop("bigtiff", False)
        if how.get("planarconfig") == "separate":
            samples = numpy.moveaxis(samples, -1, 0)
        with tifffile.TiffWriter(path, byteorder=order, bigtiff=big) as file:
            colours = "rgb" if samples.ndim == 3 else "minisblack"
            how.setdefault("photometric", colours)
            file.write(samples, resolution=DPI, resolutionunit="INCH", **how)

    return Kind("tifffile", name, ".tif", write)


def _magick(name: str, suffix: str, mode: str, *options: str) -> Kind:
    def write(draw: Draw, path: Path) -> None:
        source = path.with_suffix(".source.png")
        page(draw, mode).save(source, dpi=DPI)
        run(MAGICK, source, "-units", "PixelsPerInch", "-density", "300", *options, path)
        source.unlink()

    return Kind("ImageMagick", name, suffix, write)


def _libtiff(name: str, mode: str, *options: str) -> Kind:
    def write(draw: Draw, path: Path) -> None:
        source = path.with_suffix(".source.tif")
        page(draw, mode).save(source, dpi=DPI)
        run("tiffcp", *options, source, path)
        source.unlink()

    return Kind("libtiff tools", name, ".tif", write)


def _exiftool(name: str, of: Kind, *options: str) -> Kind:
    def write(draw: Draw, path: Path) -> None:
        of.write(draw, path)
        run("exiftool", "-q", "-overwrite_original", *options, path)

    return Kind("exiftool", name, of.suffix, write)


def _imagecodecs(
    name: str, mode: str, encode: Callable[[numpy.ndarray], bytes], suffix: str
) -> Kind:
    def write(draw: Draw, path: Path) -> None:
        image = page(draw, mode if mode == "L" else "RGB")
        path.write_bytes(encode(numpy.asarray(image)))

    return Kind("imagecodecs", name, suffix, write)


def _camera(name: str, change: Callable[[bytes, bytes], bytes], quality: int = 92) -> Kind:
    def write(draw: Draw, path: Path) -> None:
        with io.BytesIO() as file, io.BytesIO() as small:
            image = page(draw)
            image.save(file, "JPEG", quality=quality, dpi=DPI)
            image.reduce(4).save(small, "JPEG", quality=70)
            path.write_bytes(change(file.getvalue(), small.getvalue()))

    return Kind("camera", name, ".jpg", write)


def _adobe(content: bytes, transform: int) -> bytes:
    """The file with an Adobe marker instead of that of JFIF."""
    marker = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00" + bytes((transform,))
    return content[:2] + marker + content[20:]


def _lossless(samples: numpy.ndarray) -> bytes:
    encoded: bytes = imagecodecs.ljpeg_encode(samples)
    return encoded


def kinds() -> Iterator[Kind]:
    """Every kind."""
    grey, colour, bitonal = "L", "RGB", "1"
    tiff = {"suffix": ".tif"}
    yield _vips("uncompressed strips", mode=colour, **tiff)
    yield _vips("LZW, predictor", mode=colour, compression="lzw", predictor="horizontal", **tiff)
    yield _vips("LZW", mode=grey, compression="lzw", predictor="none", **tiff)
    yield _vips("deflate tiles", mode=colour, compression="deflate", tile=True, **tiff)
    yield _vips("JPEG strips", mode=colour, compression="jpeg", Q=88, **tiff)
    yield _vips("JPEG tiles", mode=colour, compression="jpeg", Q=92, tile=True, **tiff)
    yield _vips("G4", mode=bitonal, compression="ccittfax4", bitdepth=1, **tiff)
    yield _vips("PackBits", mode=grey, compression="packbits", **tiff)
    yield _vips("16 bits", mode="I;16", compression="deflate", **tiff)
    yield _vips("BigTIFF", mode=colour, compression="lzw", bigtiff=True, **tiff)
    yield _vips("4 bits", mode=grey, bitdepth=4, **tiff)
    yield _vips("baseline JPEG", ".jpg", colour, Q=85)
    yield _vips("baseline JPEG 4:4:4", ".jpg", colour, Q=95, subsample_mode="off")
    yield _vips("progressive JPEG", ".jpg", colour, Q=85, interlace=True, optimize_coding=True)
    yield _vips("JPEG with restarts", ".jpg", grey, Q=80, restart_interval=8)
    yield _vips("PNG", ".png", colour)
    yield _vips("interlaced PNG", ".png", grey, interlace=True)
    yield _vips("16 bit PNG", ".png", "I;16")
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        yield _pillow(compression, ".tif", colour, compression=compression)
    for compression in ("group3", "group4", "tiff_lzw", "packbits", "tiff_adobe_deflate"):
        yield _pillow(f"bitonal {compression}", ".tif", bitonal, compression=compression)
    yield _pillow("JPEG strips", ".tif", colour, compression="jpeg", quality=85)
    yield _pillow("palette", ".tif", "P", compression="tiff_lzw")
    yield _pillow("CMYK", ".tif", "CMYK", compression="tiff_lzw")
    yield _pillow("grey and alpha", ".tif", "LA", compression="tiff_lzw")
    yield _pillow("JPEG 4:2:2", ".jpg", colour, quality=90, subsampling=1)
    yield _pillow("JPEG with optimal tables", ".jpg", grey, quality=75, optimize=True)
    yield _pillow("progressive JPEG", ".jpg", colour, quality=80, progressive=True)
    yield _pillow("CMYK JPEG", ".jpg", "CMYK", quality=85)
    yield _pillow("JPEG with restarts", ".jpg", colour, quality=85, restart_marker_rows=2)
    yield _pillow("several JPEG in one file", ".mpo", colour)
    yield _pillow("palette PNG", ".png", "P")
    yield _pillow("bitonal PNG", ".png", bitonal)
    yield _pillow("PNG with alpha", ".png", "RGBA")
    yield _tifffile("big-endian", grey, byteorder=">")
    yield _tifffile("separate planes", colour, planarconfig="separate", compression="zlib")
    yield _tifffile(
        "16 bits, big-endian", "RGB16", byteorder=">", compression="zlib", predictor=True
    )
    yield _tifffile("LZW tiles", colour, tile=(64, 64), compression="lzw")
    yield _tifffile("PackBits", grey, rowsperstrip=16, compression="packbits")
    yield _tifffile("JPEG tiles", colour, tile=(128, 128), compression="jpeg", photometric="ycbcr")
    yield _tifffile("JPEG strips", grey, rowsperstrip=32, compression="jpeg")
    yield _tifffile("BigTIFF in small strips", colour, rowsperstrip=4, bigtiff=True)
    yield _tifffile("16 bits, uncompressed", "L16", rowsperstrip=32)
    yield _magick("Zip", ".tif", colour, "-compress", "Zip")
    yield _magick("LZW, MSB", ".tif", colour, "-compress", "LZW", "-endian", "MSB")
    yield _magick("JPEG", ".tif", colour, "-compress", "JPEG", "-quality", "88")
    yield _magick("Group4", ".tif", bitonal, "-compress", "Group4")
    yield _magick("Fax", ".tif", bitonal, "-compress", "Fax")
    yield _magick("RLE", ".tif", grey, "-compress", "RLE")
    yield _magick("4 bits", ".tif", grey, "-depth", "4", "-compress", "Zip")
    yield _magick("2 bits", ".tif", grey, "-depth", "2", "-compress", "LZW")
    yield _magick("separate planes", ".tif", colour, "-interlace", "plane", "-compress", "LZW")
    yield _magick("JPEG 4:1:1", ".jpg", colour, "-sampling-factor", "4x1", "-quality", "85")
    yield _magick("JPEG", ".jpg", grey, "-quality", "90")
    yield _magick("PNG", ".png", colour)
    yield _libtiff("G3, one-dimensional", bitonal, "-c", "g3:1d")
    yield _libtiff("G3, two-dimensional", bitonal, "-c", "g3:2d", "-r", "64")
    yield _libtiff("G3 with fill", bitonal, "-c", "g3:1d:fill")
    yield _libtiff("G4 in strips", bitonal, "-c", "g4", "-r", "48")
    yield _libtiff("G4, lower bit first", bitonal, "-c", "g4", "-f", "lsb2msb")
    yield _libtiff("LZW tiles", colour, "-c", "lzw:2", "-t", "-w", "128", "-l", "64")
    yield _libtiff("Zip, separate planes", colour, "-c", "zip:2", "-p", "separate")
    yield _libtiff("PackBits, big-endian", colour, "-c", "packbits", "-B")
    yield _libtiff("JPEG, RGB", colour, "-c", "jpeg:r:90", "-r", "64")
    yield _libtiff("JPEG tiles", colour, "-c", "jpeg:85", "-t", "-w", "128", "-l", "128")
    yield _libtiff("BigTIFF", colour, "-8", "-c", "zip")
    yield _exiftool("tags in TIFF", _pillow("", ".tif", colour, compression="tiff_lzw"),
        "-Software=scan", "-XMP-dc:Title=Page", "-IPTC:Headline=Page", "-ImageDescription=f. 1")  # fmt: skip
    yield _exiftool("tags in G4", _pillow("", ".tif", bitonal, compression="group4"),
        "-Artist=ü", "-XMP-dc:Creator=x", "-DateTime=2019:01:02 03:04:05")  # fmt: skip
    yield _exiftool("tags in JPEG", _pillow("", ".jpg", colour, quality=90),
        "-Comment=a page", "-EXIF:UserComment=x", "-XMP-dc:Title=Page", "-Orientation#=1")  # fmt: skip
    yield _exiftool("tags in PNG", _pillow("", ".png", grey), "-PNG:Title=Page", "-EXIF:Artist=x")
    yield _imagecodecs("JPEG", colour, lambda a: imagecodecs.jpeg8_encode(a, level=88), ".jpg")
    yield _imagecodecs("grey JPEG", grey, lambda a: imagecodecs.jpeg8_encode(a, level=70), ".jpg")
    yield _imagecodecs("PNG", colour, lambda a: imagecodecs.png_encode(a, level=9), ".png")
    yield _imagecodecs("lossless JPEG", grey, _lossless, ".jpg")
    yield _camera("preview behind", lambda image, small: image + small)
    yield _camera(
        "trailer", lambda image, small: image + b"\0\0Image_UTC_Data" + bytes(100) + b"SEFT"
    )
    yield _camera("Adobe transform 2", lambda image, small: _adobe(image, 2))
    yield _camera("padded", lambda image, small: image + bytes(2048))


def available(kind: Kind) -> bool:
    """Whether the writer is installed."""
    if kind.writer == "ImageMagick":
        return MAGICK is not None
    programs = {"libtiff tools": "tiffcp", "exiftool": "exiftool"}
    return kind.writer not in programs or shutil.which(programs[kind.writer]) is not None
