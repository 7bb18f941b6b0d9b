"""Types from bytes (C-22: what may be shown inline hangs on them)."""

import io
import json
import os
import random
import sqlite3
import string
import struct
import tarfile
import time
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consigne.core.sniff import detect, extension_for, is_passive, type_for_extension
from consigne.core.sniff_containers import CONTAINERS
from consigne.core.sniff_tables import EXTENSIONS, PASSIVE, SIGNATURES

PKCS7 = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
OFFICE = "application/vnd.openxmlformats-officedocument."
WORD = OFFICE + "wordprocessingml.document"

BEGINNINGS = [mark for mark, _ in SIGNATURES] + [mark for mark, _ in CONTAINERS] + [b"<", b"[", b""]


def of(data: bytes, name: str = "") -> str:
    """Detect a whole content."""
    return detect(data[: 64 << 10], len(data), name)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip; a member called mimetype is stored, as ODF and EPUB want it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            stored = zipfile.ZIP_STORED if name == "mimetype" else method
            archive.writestr(zipfile.ZipInfo(name), data, stored)
    return buffer.getvalue()


def office(main: str, folder: str = "word") -> bytes:
    """Return an OOXML package whose content types name ``main``."""
    types = f'<Types><Override PartName="/x.xml" ContentType="application/vnd.{main}+xml"/></Types>'
    return zipped({"[Content_Types].xml": types.encode(), "_rels/.rels": b"", f"{folder}/x": b"x"})


def ole2(*streams: str) -> bytes:
    """Return the beginning of an OLE2 file whose directory is its second sector."""
    header = bytearray(512)
    header[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    header[30:32] = (9).to_bytes(2, "little")
    header[48:52] = (1).to_bytes(4, "little")
    directory = b""
    for stream in ("Root Entry", *streams):
        name = stream.encode("utf-16-le") + b"\0\0"
        directory += name.ljust(64, b"\0") + len(name).to_bytes(2, "little") + bytes(62)
    return bytes(header) + bytes(512) + directory.ljust(512, b"\0")


def ftyp(major: bytes, *others: bytes) -> bytes:
    """Return an ISO base media file's first box."""
    body = b"ftyp" + major + bytes(4) + b"".join(others)
    return (len(body) + 4).to_bytes(4, "big") + body + bytes(64)


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return buffer.getvalue()


def mp3() -> bytes:
    frame = b"\xff\xfb\x90\x00".ljust(417, b"\x01")  # MPEG 1 layer III, 128 kbit/s, 44.1 kHz
    return frame * 3


SAMPLES: list[tuple[bytes, str]] = [
    (b"", "application/octet-stream"),
    (b"\0" * 100, "application/octet-stream"),
    (b"\x89PNG\r\n\x1a\n" + bytes(20), "image/png"),
    (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
    (b"GIF89a" + bytes(10), "image/gif"),
    (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
    (b"RIFF\x10\0\0\0WAVEfmt ", "audio/wav"),
    (b"RIFF\x10\0\0\0AVI LIST", "video/x-msvideo"),
    (b"FORM\0\0\0\x10AIFFCOMM\0", "audio/aiff"),
    (b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(30), "image/bmp"),
    (b"II*\0\x08\0\0\0", "image/tiff"),
    (b"MM\0*\0\0\0\x08", "image/tiff"),
    (b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0 \0" + bytes(20), "image/vnd.microsoft.icon"),
    (ftyp(b"heic", b"mif1"), "image/heic"),
    (ftyp(b"mif1", b"mif1", b"heic"), "image/heic"),
    (ftyp(b"mif1", b"avif"), "image/avif"),
    (ftyp(b"mif1"), "image/heif"),
    (ftyp(b"avif"), "image/avif"),
    (ftyp(b"isom", b"mp41"), "video/mp4"),
    (ftyp(b"M4A "), "audio/mp4"),
    (ftyp(b"qt  "), "video/quicktime"),
    (ftyp(b"3gp4"), "video/3gpp"),
    (b"8BPS\0\x01" + bytes(20), "image/vnd.adobe.photoshop"),
    (b"AC1027" + bytes(10), "image/vnd.dwg"),
    (b"%PDF-1.7\n%\xe2\xe3", "application/pdf"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n", "application/postscript"),
    (b"{\\rtf1\\ansi", "application/rtf"),
    (b"7z\xbc\xaf\x27\x1c\0\x04", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07\x01\0", "application/vnd.rar"),
    (zlib.compress(b"x", wbits=31), "application/gzip"),
    (b"BZh91AY&SY" + bytes(10), "application/x-bzip2"),
    (b"\xfd7zXZ\0\0\x04", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd\x04\0", "application/zstd"),
    (tar(), "application/x-tar"),
    (mp3(), "audio/mpeg"),
    (b"ID3\x03\0\0\0\0\0\0", "audio/mpeg"),
    (b"OggS" + bytes(24) + b"\x01vorbis", "audio/ogg"),
    (b"OggS" + bytes(24) + b"OpusHead", "audio/ogg"),
    (b"OggS" + bytes(24) + b"\x80theora", "video/ogg"),
    (b"fLaC\0\0\0\x22", "audio/flac"),
    (b"MThd\0\0\0\x06\0\x01", "audio/midi"),
    (b"\x1aE\xdf\xa3\x9fB\x82\x84webm", "video/webm"),
    (b"\x1aE\xdf\xa3\x9fB\x82\x88matroska", "video/x-matroska"),
    (b"\0\x01\0\0\0\x0f\0\x80", "font/ttf"),
    (b"OTTO\0\x0b", "font/otf"),
    (b"wOFF\0\x01", "font/woff"),
    (b"wOF2\0\x01", "font/woff2"),
    (b"\x7fELF\x02\x01\x01\0", "application/x-elf"),
    (
        (b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0" + bytes(9)),
        "application/vnd.microsoft.portable-executable",
    ),
    (b"MZ\x90\0" + bytes(80), "application/x-dosexec"),
    (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "application/x-mach-binary"),
    (b"\xca\xfe\xba\xbe\0\0\0\x34", "application/java-vm"),
    (b"\xca\xfe\xba\xbe\0\0\0\x02", "application/x-mach-binary"),
    (b"\0asm\x01\0\0\0", "application/wasm"),
    (b"SQLite format 3\0\x10\0", "application/vnd.sqlite3"),
    (b"PAR1\x15\x04", "application/vnd.apache.parquet"),
    (b"\x30\x82\x05\x10" + PKCS7 + bytes(9), "application/pkcs7-mime"),
    (zipped({"a.txt": b"a", "b/c.txt": b"c"}), "application/zip"),
    (zipped({}), "application/zip"),
    (zipped({"META-INF/MANIFEST.MF": b"x", "A.class": b"x"}), "application/java-archive"),
    (zipped({"mimetype": b"application/epub+zip", "x": b""}), "application/epub+zip"),
    (
        zipped({"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<x/>"}),
        "application/vnd.oasis.opendocument.text",
    ),
    (office("openxmlformats-officedocument.wordprocessingml.document.main"), WORD),
    (
        office("openxmlformats-officedocument.spreadsheetml.sheet.main", "xl"),
        OFFICE + "spreadsheetml.sheet",
    ),
    (
        office("openxmlformats-officedocument.presentationml.presentation.main", "ppt"),
        OFFICE + "presentationml.presentation",
    ),
    (
        office("ms-word.document.macroEnabled.main"),
        "application/vnd.ms-word.document.macroEnabled.12",
    ),
    (zipped({"_rels/.rels": b"", "docProps/a": b"", "word/w.xml": b""}), WORD),
    (ole2("WordDocument"), "application/msword"),
    (ole2("Workbook"), "application/vnd.ms-excel"),
    (ole2("PowerPoint Document"), "application/vnd.ms-powerpoint"),
    (ole2("__nameid_version1.0"), "application/vnd.ms-outlook"),
    (b"plain words\r\n", "text/plain"),
    ("d\u00e9j\u00e0 vu".encode(), "text/plain"),
    ("Gar\u00e7on, la facture s'il vous pla\u00eet".encode("latin-1"), "text/plain"),
    ("\ufeffavec BOM".encode(), "text/plain"),
    ("\ufeffavec BOM".encode("utf-16-le"), "text/plain"),
    ("\ufeff<html><script>".encode("utf-16-be"), "text/html"),
    (b"  \n<!DOCTYPE html><p>", "text/html"),
    (b"<SCRIPT>alert(1)</SCRIPT>", "text/html"),
    (b"<!-- x --><b>", "text/html"),
    (b"<?xml version='1.0'?><a/>", "application/xml"),
    (b"<?xml version='1.0'?><!-- c --><html xmlns='x'/>", "application/xhtml+xml"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
    (b"<?xml version='1'?>\n<!DOCTYPE svg [<!ENTITY a 'b'>]>\n<svg:svg/>", "image/svg+xml"),
    (b"<!-- made by --><svg></svg>", "image/svg+xml"),
    (b"<3 is not a tag", "text/plain"),
    (b'{"a": [1, 2]}\n', "application/json"),
    (b"[1, 2", "text/plain"),
    (b"[INFO] started", "text/plain"),
    (b"{not json}", "text/plain"),
    (json.dumps([{"k": "v" * 50}] * 5000).encode(), "application/json"),
    (b"#!/bin/sh\necho", "text/x-shellscript"),
    (b"#!/usr/bin/env python3\n", "text/x-python"),
    (b"Received: by x\r\nFrom: a@b\r\nSubject: s\r\n\r\nbody", "message/rfc822"),
    (b"From: the beginning", "text/plain"),
    (b"BEGIN:VCALENDAR\r\n", "text/calendar"),
    (b"ID3 is a tag format", "text/plain"),
    (b"MZ is two letters", "text/plain"),
    (b"BMW makes cars and this text is long enough", "text/plain"),
    (b"Good morning " * 50, "text/plain"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), SAMPLES)
def test_samples(data: bytes, expected: str) -> None:
    """Each format is known by its bytes."""
    assert of(data) == expected


def test_a_real_database(tmp_path: Path) -> None:
    """A file that SQLite itself has written is known."""
    connection = sqlite3.connect(tmp_path / "x.db")
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    assert of((tmp_path / "x.db").read_bytes()) == "application/vnd.sqlite3"


def test_a_streamed_zip_is_walked() -> None:
    """A zip written to a pipe has its sizes behind the data; its members are found all the same."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", "x" * 1000)
        archive.writestr("word/document.xml", "x" * 1000)
    assert of(pipe.data) == WORD


def test_names_choose_within_a_family_only() -> None:
    """A name tells CSV from prose, and never makes an image, a page or a program of a text."""
    text = b"a;b\n1;2\n"
    assert of(text, "Export.CSV") == "text/csv"
    assert of(text, "page.html") == "text/plain"
    assert of(text, "photo.png") == "text/plain"
    assert of(b"\x89PNG\r\n\x1a\n", "x.csv") == "image/png"
    assert of(b"<script>", "x.csv") == "text/html"
    assert of(zipped({"Index/Document.iwa": b"x"}), "a.pages") == "application/vnd.apple.pages"
    assert of(zipped({"a": b"x"}), "a.docx") == "application/zip"
    assert of(ole2("Other"), "old.doc") == "application/msword"
    assert of(ole2("Other")) == "application/x-ole-storage"


def test_nothing_active_is_passive() -> None:
    """Types that can run a script are never shown inline (C-22)."""
    for active in (
        "text/html", "image/svg+xml", "application/xhtml+xml", "application/xml", "text/xml",
        "text/javascript", "application/x-shockwave-flash", "message/rfc822", "",
        "application/octet-stream", "multipart/x-mixed-replace", "text/css",
    ):  # fmt: skip
        assert not is_passive(active)
    assert is_passive("application/pdf")
    assert is_passive("Text/Plain; charset=utf-8")


def test_extensions_and_types_agree() -> None:
    """Every type that has an extension gets it back; every passive type has a real format."""
    for extension, type in EXTENSIONS.items():
        assert type_for_extension(extension) == type
        assert type_for_extension("." + extension.upper()) == type
        assert type_for_extension(extension_for(type)) == type
    assert extension_for("image/jpeg") == "jpg"
    assert extension_for("application/x-unheard-of") == ""
    assert type_for_extension("unheard") is None
    assert set(EXTENSIONS.values()) | {"image/jxl", "audio/webm"} >= PASSIVE


def test_no_signature_hides_another() -> None:
    """A signature after a shorter one that it begins with would never be reached."""
    marks = [mark for mark, _ in SIGNATURES]
    for index, mark in enumerate(marks):
        assert not any(mark.startswith(earlier) for earlier in marks[:index])


@given(st.binary(max_size=600), st.sampled_from(BEGINNINGS))
def test_never_fails(tail: bytes, mark: bytes) -> None:
    """Whatever the bytes, there is an answer, and it looks like a type."""
    type = of(mark + tail)
    assert type.count("/") == 1
    assert type == type.strip()


def test_hostile_texts_take_no_time() -> None:
    """No rule goes wild on an input made for it."""
    for evil in (
        b"<!doctype " + b" " * 65000, b"<!doctype [" * 6000, b"<!--" * 16000, b"<?" * 32000,
        b" " * 65000, b'{"' + b"\\" * 64000, b"[" * 65000, b'["' * 30000, b"X-" + b"a" * 65000,
        b"From: " * 10000, b"PK\x03\x04" * 16000, struct.pack("<4sBB", b"PK\x03\x04", 8, 8) * 10000,
    ):  # fmt: skip
        before = time.perf_counter()
        of(evil)
        assert time.perf_counter() - before < 0.05


def test_random_bytes_are_octets() -> None:
    """Random bytes of some length are unknown, and so hardly ever anything else."""
    source = random.Random(1)
    found = [of(source.randbytes(4096)) for _ in range(300)]
    assert found.count("application/octet-stream") >= 299


def test_cost() -> None:
    """4 KiB cost microseconds (the bound leaves room for a busy machine)."""
    letters = "".join(random.Random(2).choices(string.ascii_letters + " \n", k=4096)).encode()
    for head in (
        os.urandom(4096),
        letters,
        b"\x89PNG\r\n\x1a\n".ljust(4096),
        zipped({"a": letters}),
    ):
        best = min(_seconds(head) for _ in range(5))
        assert best < 200e-6


def _seconds(head: bytes) -> float:
    before = time.perf_counter()
    for _ in range(20):
        detect(head, 10_000)
    return (time.perf_counter() - before) / 20
