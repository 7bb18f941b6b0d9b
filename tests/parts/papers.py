"""Documents that tests draw themselves: French invoices as a scanner would give them, and PDFs.

Everything is made from a seed, so that a test that fails can be run again on the same picture.
"""

import io
import random
import zlib
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

_A4 = (8.27, 11.69)
_FONTS = ("DejaVuSans.ttf", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")

INVOICE = """\
SARL Dupont & Fils
12 rue de la République
69002 Lyon
Téléphone : 04 78 12 34 56
FACTURE N° FA-2026-0118
Date : 3 février 2026
Client : Société Générale d'Équipement
Désignation Quantité Prix unitaire Montant HT
Fauteuil de bureau réglable 2 149,90 € 299,80 €
Étagère métallique à six niveaux 1 89,00 € 89,00 €
Câble réseau catégorie 6 (10 m) 5 12,50 € 62,50 €
Total HT 451,30 €
TVA 20 % 90,26 €
Total TTC 541,56 €
Règlement par virement à trente jours.
IBAN FR76 3000 6000 0112 3456 7890 189
Pénalités de retard : trois fois le taux d'intérêt légal.
Numéro de TVA intracommunautaire FR 40 303 265 045"""

RECEIPT = """\
BOULANGERIE DU MARCHÉ
8 place Carnot, Lyon
Ticket n° 004512
14/02/2026 08:42
2 croissants au beurre 2,40
1 baguette tradition 1,30
1 tarte aux pommes 14,50
Total à payer 18,20 EUR
Carte bancaire 18,20
TVA 5,5 % incluse 0,95
Merci de votre visite
À bientôt dans notre boutique"""


def font(size: int) -> "ImageFont.ImageFont | ImageFont.FreeTypeFont":
    """Return DejaVu where it is installed, else the face that Pillow brings."""
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def paper(text: str, dpi: int = 200) -> Image.Image:
    """Draw a text on a sheet of A4, in shades of grey."""
    sheet = Image.new("L", (round(_A4[0] * dpi), round(_A4[1] * dpi)), 255)
    pen, face = ImageDraw.Draw(sheet), font(round(11 / 72 * dpi))
    for number, line in enumerate(text.split("\n")):
        pen.text((0.8 * dpi, (0.8 + 0.35 * number) * dpi), line, font=face, fill=20)
    return sheet


def scanned(
    sheet: Image.Image,
    *,
    skew: float = 0,
    noise: float = 0,
    quality: int = 0,
    turn: int = 0,
    seed: int = 1,
) -> Image.Image:
    """Return a sheet as a scanner sees it: skewed (degrees), specked (share of pixels), as JPEG of
    a quality, turned by a multiple of 90 degrees.
    """
    if skew:
        sheet = sheet.rotate(skew, Image.Resampling.BICUBIC, fillcolor=255)
    if noise:
        chance, specked = random.Random(seed), bytearray(sheet.tobytes())
        for _ in range(int(len(specked) * noise)):
            specked[chance.randrange(len(specked))] = chance.choice((0, 255))
        sheet = Image.frombytes("L", sheet.size, bytes(specked))
    if turn:
        sheet = sheet.rotate(turn, expand=True)
    return Image.open(io.BytesIO(encoded(sheet, "JPEG", quality=quality))) if quality else sheet


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return an image as a file of a kind that Pillow writes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def scan_pdf(pages: Sequence[Image.Image], dpi: int = 200) -> bytes:
    """Return a PDF of pictures without a text layer."""
    return encoded(pages[0], "PDF", resolution=dpi, save_all=True, append_images=list(pages[1:]))


def text_pdf(pages: Sequence[str], trailer: str = "") -> bytes:
    """Return a PDF whose pages have these texts as their text layer (Latin letters and €)."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, text in enumerate(pages):
        objects.append(_page("/Font << /F1 3 0 R >>", 5 + 2 * number))
        objects.append(_stream(_shown(text)))
    return _pdf(objects, trailer)


def picture_pdf(width: int, height: int, packed: bytes, filters: str) -> bytes:
    """Return a PDF of one page with one grey picture, its bytes packed by these filters."""
    facts = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} "
    facts += f"/ColorSpace /DeviceGray /BitsPerComponent 8 /Filter [{filters}] "
    return _pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            _page("/XObject << /I 5 0 R >>", 4),
            _stream(b"500 0 0 700 40 40 cm /I Do"),
            _stream(packed, facts),
        ]
    )


def encrypted_pdf() -> bytes:
    """Return a PDF that says it is encrypted with a password that nobody knows."""
    lock = "/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 "
    lock += f"/O <{'5a' * 32}> /U <{'a5' * 32}> >> /ID [<{'00' * 16}> <{'00' * 16}>]"
    return text_pdf(["secret"], lock)


def error_rate(truth: str, found: str) -> float:
    """Return the character error rate: edits per character of the truth, blanks as one."""
    right, read = " ".join(truth.split()), " ".join(found.split())
    row = list(range(len(read) + 1))
    for number, letter in enumerate(right, 1):
        above, row = row, [number]
        for place, other in enumerate(read, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (letter != other)))
    return row[-1] / len(right)


def zeros(size: int) -> bytes:
    """Return ``size`` zero bytes packed by RunLength, then by Flate: about a 60,000th of it."""
    return zlib.compress(b"\x81\x00" * (size // 128) + b"\x80", 9)


def _shown(text: str) -> bytes:
    lines = [line.encode("cp1252", "replace") for line in text.split("\n")]
    safe = [
        line.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)") for line in lines
    ]
    return (
        b"BT /F1 11 Tf 60 780 Td 16 TL " + b" ".join(b"(" + s + b") Tj T*" for s in safe) + b" ET"
    )


def _page(resources: str, contents: int) -> bytes:
    return (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
        f"/Resources << {resources} >> /Contents {contents} 0 R >>"
    ).encode()


def _stream(data: bytes, facts: str = "") -> bytes:
    return f"<< {facts}/Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def _pdf(objects: Sequence[bytes], trailer: str = "") -> bytes:
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += "".join(f"{offset:010} 00000 n \n" for offset in offsets).encode()
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R {trailer} >>\n".encode()
    return bytes(out) + f"startxref\n{start}\n%%EOF\n".encode()
