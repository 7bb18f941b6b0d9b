"""Types of containers, which show only a little further in: zip, OLE2, ISO media, and others.

Each function takes the head of a content and returns a type, or '' when it has no answer. Offsets
and lengths in the bytes are a stranger's: everything is sliced, nothing is trusted.
"""

import re
import zlib
from collections.abc import Callable

from consigne.core.sniff_tables import (
    BRANDS,
    OLE2,
    OLE2_STREAMS,
    OOXML,
    OOXML_FOLDERS,
    RIFF,
    ZIP,
    ZIP_NAMES,
)

_MEMBERS = 24
_CONTENT_TYPES = b"[Content_Types].xml"
_MIMETYPE = re.compile(
    rb"application/(?:vnd\.(?:oasis\.opendocument|sun\.xml)\.[a-z.-]{1,40}|epub\+zip)"
)
_DIB_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
_PKCS7 = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"


def zip_family(head: bytes) -> str:
    """Name a zip by its members: OOXML, ODF, EPUB, JAR, APK, or plain zip.

    '' if it says that it is OOXML and not which.
    """
    names: list[bytes] = []
    at = 0
    while 0 <= at < len(head) - 30 and len(names) < _MEMBERS:
        if head[at : at + 4] != b"PK\x03\x04":
            break
        name_size = int.from_bytes(head[at + 26 : at + 28], "little")
        data = at + 30 + name_size + int.from_bytes(head[at + 28 : at + 30], "little")
        name = head[at + 30 : at + 30 + name_size]
        size = int.from_bytes(head[at + 18 : at + 22], "little")
        if not names and name == b"mimetype":
            found = _MIMETYPE.match(head, data)
            if found:
                return found.group().decode()
        if name == _CONTENT_TYPES:
            found_type = _ooxml(head, at, data, size)
            if found_type:
                return found_type
        for prefix, type in ZIP_NAMES:
            if name.startswith(prefix):
                return type
        names.append(name)
        # Written as a stream, the size stands behind the data: look for the next header.
        streamed = head[at + 6] & 8 and not size
        at = head.find(b"PK\x03\x04", data) if streamed else data + size
    office = [type for name in names for folder, type in OOXML_FOLDERS if name.startswith(folder)]
    marked = [n for n in names if n == _CONTENT_TYPES or n.startswith((b"_rels/", b"docProps/"))]
    if marked:
        return office[0] if office else ""
    return ZIP


def _ooxml(head: bytes, at: int, data: int, size: int) -> str:
    """Read the main part's type from the member [Content_Types].xml at ``at``."""
    raw = head[data : data + size] if size else head[data : data + 4096]
    if head[at + 8] == 8:
        try:
            raw = zlib.decompressobj(-15).decompress(raw, 16384)
        except zlib.error:
            return ""
    for mark, type in OOXML:
        if mark in raw:
            return type
    return ""


def ole2(head: bytes) -> str:
    """Name an OLE2 file by the streams in its directory; '' if that lies beyond the head."""
    shift = int.from_bytes(head[30:32], "little")
    sector = int.from_bytes(head[48:52], "little")
    if shift not in (9, 12):
        return ""
    start = (sector + 1) << shift
    directory = head[start : start + 4096]
    names = set()
    for entry in range(0, len(directory), 128):
        size = int.from_bytes(directory[entry + 64 : entry + 66], "little")
        if 2 < size <= 64:
            names.add(directory[entry : entry + size - 2])
    for stream, type in OLE2_STREAMS:
        if stream.encode("utf-16-le") in names:
            return type
    return ""


def iso_media(head: bytes) -> str:
    """Name an ISO base media file by its brands (ISO/IEC 14496-12), or an old QuickTime file."""
    kind = head[4:8]
    if kind == b"ftyp":
        size = min(int.from_bytes(head[:4], "big"), 256)
        major = head[8:12]
        type = BRANDS.get(major) or BRANDS.get(major[:3]) or "video/mp4"
        if type.startswith("image/heif"):
            # A generic image brand; the compatible ones say what is inside.
            others = {head[at : at + 4] for at in range(16, size, 4)}
            if b"avif" in others:
                return "image/avif"
            if b"heic" in others:
                return "image/heic"
        return type
    if kind in (b"moov", b"mdat", b"wide", b"pnot") and head[:1] == b"\0":
        return "video/quicktime"
    return ""


def riff(head: bytes) -> str:
    """Name a RIFF file by its form type."""
    return RIFF.get(head[8:12], "")


def iff(head: bytes) -> str:
    """Name an AIFF file."""
    return "audio/aiff" if head[8:12] in (b"AIFF", b"AIFC") else ""


def ogg(head: bytes) -> str:
    """Name an Ogg stream by its first packet (RFC 5334)."""
    packet = head[28:36]
    if packet[1:7] == b"theora":
        return "video/ogg"
    if packet[1:7] == b"vorbis" or packet.startswith((b"OpusHead", b"Speex", b"\x7fFLAC")):
        return "audio/ogg"
    return "application/ogg"


def matroska(head: bytes) -> str:
    """Tell WebM from Matroska by the DocType in the EBML header."""
    return "video/webm" if b"webm" in head[:64] else "video/x-matroska"


def bitmap(head: bytes) -> str:
    """Recognise a BMP by its reserved field and the size of its second header."""
    dib = int.from_bytes(head[14:18], "little")
    return "image/bmp" if dib in _DIB_HEADERS and head[6:10] == b"\0\0\0\0" else ""


def icon(head: bytes) -> str:
    """Recognise an ICO or CUR by its directory: at least one entry with a zero reserved byte."""
    if head[2:4] in (b"\x01\0", b"\x02\0") and head[4:6] != b"\0\0" and head[9:10] == b"\0":
        return "image/vnd.microsoft.icon"
    return ""


def dos(head: bytes) -> str:
    """Tell a PE file from an older DOS program; '' if it is neither."""
    at = int.from_bytes(head[60:64], "little")
    if head[at : at + 4] == b"PE\0\0":
        return "application/vnd.microsoft.portable-executable"
    return "application/x-dosexec" if b"\0" in head[:64] else ""


def cafebabe(head: bytes) -> str:
    """Tell a universal Mach-O (few architectures) from a Java class (version 45 and on)."""
    number = int.from_bytes(head[4:8], "big")
    return "application/x-mach-binary" if 0 < number < 40 else "application/java-vm"


def mpeg_audio(head: bytes) -> str:
    """Recognise MPEG audio or ADTS frames by a valid header and a second one where it points."""
    if len(head) < 7 or head[1] & 0xE0 != 0xE0:
        return ""
    if head[1] & 0xF6 == 0xF0:
        size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        following = head[size : size + 2]
        return "audio/aac" if size > 7 and following in (b"", head[:2]) else ""
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rate, sampling = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 0 or rate in (0, 15) or sampling == 3:
        return ""
    return "audio/mpeg" if layer == 1 and _next_frame(head, version, rate, sampling) else ""


def _next_frame(head: bytes, version: int, rate: int, sampling: int) -> bool:
    """Whether a layer III frame is followed by another, as far as the head shows."""
    v1 = version == 3
    low = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    high = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    hertz = (44100, 48000, 32000)[sampling] >> (0 if v1 else 1 if version == 2 else 2)
    kbit = (high if v1 else low)[rate]
    size = (144 if v1 else 72) * kbit * 1000 // hertz + (head[2] >> 1 & 1)
    following = head[size : size + 2]
    return len(following) < 2 or (following[0] == 0xFF and following[1] & 0xFE == head[1] & 0xFE)


def der(head: bytes) -> str:
    """Name DER: PKCS#7 (RFC 5652), PKCS#12 (RFC 7292), or an X.509 certificate (RFC 5280)."""
    at = 2 + (head[1] & 0x7F if head[1] & 0x80 else 0) if len(head) > 20 else len(head)
    body = head[at : at + 24]
    if body.startswith(_PKCS7):
        return "application/pkcs7-mime"
    if body.startswith(b"\x02\x01\x03\x30"):
        return "application/x-pkcs12"
    if body.startswith(b"\x30\x82") and b"\xa0\x03\x02\x01\x02\x02" in body:
        return "application/pkix-cert"
    return ""


def bzip2(head: bytes) -> str:
    """Recognise bzip2 by the mark of its first block (digits of pi) or of its end."""
    marks = (b"1AY&SY", b"\x17rE8P\x90")
    return "application/x-bzip2" if head.startswith(marks, 4) else ""


def flash(head: bytes) -> str:
    """Recognise a Shockwave Flash file by its version byte."""
    return (
        "application/x-shockwave-flash"
        if head[1:3] == b"WS" and 0 < int.from_bytes(head[3:4]) < 64
        else ""
    )


def transport_stream(head: bytes) -> str:
    """Recognise MPEG-TS by three synchronisation bytes, 188 bytes apart."""
    return "video/mp2t" if head[188:189] == head[376:377] == b"G" else ""


CONTAINERS: tuple[tuple[bytes, Callable[[bytes], str]], ...] = (
    (b"PK\x03\x04", zip_family),
    (b"PK\x05\x06", lambda head: ZIP),
    (b"PK\x07\x08", lambda head: ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", lambda head: ole2(head) or OLE2),
    (b"RIFF", riff),
    (b"FORM", iff),
    (b"OggS", ogg),
    (b"\x1aE\xdf\xa3", matroska),
    (b"BM", bitmap),
    (b"\0\0", icon),
    (b"MZ", dos),
    (b"\xca\xfe\xba\xbe", cafebabe),
    (b"\xff", mpeg_audio),
    (b"\x30", der),
    (b"BZh", bzip2),
    (b"FWS", flash),
    (b"CWS", flash),
    (b"ZWS", flash),
    (b"G", transport_stream),
)
"""What a content begins with, and who looks further."""
