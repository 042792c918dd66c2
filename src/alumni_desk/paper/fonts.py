"""Fonts for paper, from font packages: Inter, Noto for every script that Inter lacks, Noto CJK.

The packages hold variable fonts; reportlab wants static ones with TrueType outlines. So the glyphs that a document needs
are cut out and set at their weight by HarfBuzz (some 10 ms; the same by fontTools takes seconds), Chinese outlines converted by fontTools.
"""

from __future__ import annotations

import hashlib
import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

Weight = Literal["regular", "bold"]
WEIGHTS: dict[Weight, int] = {"regular": 400, "bold": 650}

_CJK_FACES = {"ja": 0, "ko": 1, "zh": 2}
# Cut out together, so that the next document finds the font made: Latin with all its accents, Greek, Cyrillic, and punctuation.
_LETTERS = frozenset(chr(code) for code in (*range(0x20, 0x250), *range(0x300, 0x52F), *range(0x1E00, 0x2000), *range(0x2010, 0x2027))
                     if chr(code).isprintable())
# Signs that show nothing of their own; a font may lack them.
INVISIBLE = frozenset("\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad\ufe0e\ufe0f")


@dataclass(frozen=True)
class Source:
    """A variable font file (and which of a collection)."""

    path: Path
    number: int = -1

    @property
    def is_cjk(self) -> bool:
        """Whether it is the collection for Chinese, Japanese and Korean."""
        return self.number >= 0


@lru_cache(maxsize=1)
def _sources() -> tuple[Source, ...]:
    """Inter, Noto Sans, then the scripts; found without importing the packages."""
    inter = [Source(path) for path in _files("fontpkg_inter", "files/Inter[[]*.ttf")]
    noto = [path for path in _files("manimgx_fonts", "*.ttf") if "Italic" not in path.name and "Emoji" not in path.name]
    noto.sort(key=lambda path: (not path.name.startswith("NotoSans["), "Symbols" in path.name, path.name))
    return (*inter, *(Source(path) for path in noto))


def _cjk(language: str) -> Source | None:
    found = _files("manimgx_fonts_cjk", "*.ttc")
    return Source(found[0], _CJK_FACES[language]) if found else None


def _files(package: str, pattern: str) -> list[Path]:
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or []) if spec else []
    return sorted(path for place in places for path in Path(place).glob(pattern))


@lru_cache(maxsize=64)
def _covers(source: Source) -> frozenset[int]:
    return frozenset(_face(source).unicodes)


def language_of(text: str) -> str:
    """Which shapes Han signs take: Japanese beside kana, Korean beside hangul, else Chinese."""
    if any("\u3040" <= c <= "\u30ff" for c in text):
        return "ja"
    if any("\uac00" <= c <= "\ud7a3" or "\u1100" <= c <= "\u11ff" for c in text):
        return "ko"
    return "zh"


def source_for(char: str, language: str, before: Source | None = None) -> Source | None:
    """The font that draws a sign; marks stay in the font of the letter they stand on. None if no font has it."""
    code = ord(char)
    if before is not None and (unicodedata.category(char) in ("Mn", "Mc", "Me") or char in INVISIBLE) and (code in _covers(before) or char in INVISIBLE):
        return before
    return _drawn_by(code, language)


@lru_cache(maxsize=4096)
def _drawn_by(code: int, language: str) -> Source | None:
    for source in _sources():
        if code in _covers(source):
            return source
    cjk = _cjk(language)
    return cjk if cjk is not None and code in _covers(cjk) else None


@dataclass
class Faces:
    """The fonts of one document: made once for all texts that it will print."""

    _names: dict[tuple[Source, Weight], str] = field(default_factory=dict)
    _needed: dict[tuple[Source, Weight], set[str]] = field(default_factory=dict)

    def need(self, texts: Iterable[str | None], weight: Weight) -> None:
        """Announce texts that will be printed at a weight. Cheap."""
        for text in texts:
            if text:
                self._need(unicodedata.normalize("NFC", text), weight)

    def _need(self, text: str, weight: Weight) -> None:
        language, before = language_of(text), None
        for char in text:
            source = source_for(char, language, before)
            if source is not None and char not in self._needed.setdefault((source, weight), set()):
                self._needed[source, weight].add(char)
                self._names.pop((source, weight), None)
            before = source or before

    def name(self, source: Source, weight: Weight, text: str) -> str:
        """The name under which reportlab knows the font, made now if need be."""
        key = (source, weight)
        needed = self._needed.setdefault(key, set())
        if not needed.issuperset(text):
            needed.update(text)
            self._names.pop(key, None)
        if key not in self._names:
            self._names[key] = _registered(source, WEIGHTS[weight], _whole(source, needed))
        return self._names[key]


def _whole(source: Source, needed: set[str]) -> frozenset[str]:
    """What is cut out: the signs themselves and the parts that shaping takes some of them apart into."""
    if source.is_cjk:
        return frozenset(needed)
    covers = _covers(source)
    always = _LETTERS if covers.issuperset(map(ord, "Aé")) else map(chr, covers)
    parts = {part for char in needed for part in unicodedata.normalize("NFD", char)}
    # Without the dotted circle: shaping would put it under a mark that it takes for a stray one.
    return frozenset(char for char in {*needed, *parts, *always} - {"\u25cc"} if ord(char) in covers)


def _registered(source: Source, weight: int, chars: frozenset[str]) -> str:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    seal = hashlib.sha256("".join(sorted(chars)).encode()).hexdigest()[:12]
    name = f"{source.path.stem.partition('[')[0]}{source.number if source.is_cjk else ''}-{weight}-{seal}"
    if name not in pdfmetrics.getRegisteredFontNames():
        font = TTFont(name, io.BytesIO(_static(source, weight, chars)), shapable=True)
        # All cuts of a variable font carry one name inside, and reportlab embeds one file per name: bold and regular would share it.
        font.face.name = name.encode("ascii")
        pdfmetrics.registerFont(font)
    return name


@lru_cache(maxsize=48)
def _static(source: Source, weight: int, chars: frozenset[str]) -> bytes:
    """A static TrueType font with these signs and whatever they join to."""
    import uharfbuzz as hb

    face = _face(source)
    wanted = hb.SubsetInput()
    wanted.unicode_set.update(map(ord, chars))
    wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE | hb.SubsetFlags.DOWNGRADE_CFF2
    for axis in face.axis_infos:
        value = float(weight) if axis.tag == "wght" else (14.0 if weight < 600 else 32.0) if axis.tag == "opsz" else axis.default_value
        wanted.pin_axis_location(face, axis.tag, max(axis.min_value, min(axis.max_value, value)))
    if source.path.name.startswith(("Inter", "NotoSans[")):
        # Inter's contextual alternates would change signs between letters; a name is printed as it is written.
        wanted.layout_feature_tag_set.clear()
        wanted.layout_feature_tag_set.update(_tag(feature) for feature in ("kern", "mark", "mkmk", "ccmp", "locl"))
    cut = wanted.subset(face)
    if cut is None:
        raise RuntimeError(f"HarfBuzz could not cut {source.path.name}")
    made = bytes(cut.blob.data)
    return _with_truetype_outlines(made) if source.is_cjk else made


def reach(source: Source, weight: Weight, text: str) -> tuple[float, float]:
    """How far the ink of a text goes above its baseline and below it, as parts of its size."""
    import uharfbuzz as hb

    face = _face(source)
    font, signs = hb.Font(face), hb.Buffer()
    font.set_variations({"wght": float(WEIGHTS[weight])})
    signs.add_str(text)
    signs.guess_segment_properties()
    hb.shape(font, signs, {})
    above = below = 0
    for sign, place in zip(signs.glyph_infos, signs.glyph_positions or (), strict=True):
        if (ink := font.get_glyph_extents(sign.codepoint)) is not None:
            above = max(above, place.y_offset + ink.y_bearing)
            below = max(below, -place.y_offset - ink.y_bearing - ink.height)
    return above / face.upem, below / face.upem


@lru_cache(maxsize=8)
def _face(source: Source) -> Any:
    import uharfbuzz as hb

    return hb.Face(hb.Blob.from_file_path(str(source.path)), max(source.number, 0))


def _tag(four: str) -> int:
    return int.from_bytes(four.encode("ascii"), "big")


def _with_truetype_outlines(made: bytes) -> bytes:
    from fontTools.ttLib import TTFont

    with TTFont(io.BytesIO(made)) as font:
        _to_truetype(font)
        out = io.BytesIO()
        font.save(out)
        return out.getvalue()


def _to_truetype(font: Any) -> None:
    """Cubic outlines (CFF) to quadratic ones: reportlab reads no CFF. The error is under a thousandth of the letter's height."""
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import newTable

    order = font.getGlyphOrder()
    glyphs, quadratic = font.getGlyphSet(), {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(Cu2QuPen(pen, max_err=1.0, reverse_direction=True))
        quadratic[name] = pen.glyph()
        font["hmtx"][name] = (round(glyphs[name].width), 0)
    font["loca"] = newTable("loca")
    font["glyf"] = glyf = newTable("glyf")
    glyf.glyphOrder, glyf.glyphs = order, quadratic
    for table in ("CFF ", "VORG", "BASE", "STAT", "GDEF", "GPOS", "GSUB", "vhea", "vmtx"):
        if table in font:
            del font[table]
    glyf.compile(font)
    for name in order:  # the left side bearing is the outline's left edge
        font["hmtx"][name] = (font["hmtx"][name][0], getattr(glyf[name], "xMin", 0))
    maxp = font["maxp"]
    maxp.tableVersion = 0x00010000
    for item in ("maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs", "maxStackElements", "maxSizeOfInstructions",
                 "maxComponentElements", "maxPoints", "maxContours", "maxCompositePoints", "maxCompositeContours", "maxComponentDepth"):
        setattr(maxp, item, 1 if item == "maxZones" else 0)
    maxp.compile(font)
    post = font["post"]
    post.formatType, post.extraNames, post.mapping, post.glyphOrder = 3.0, [], {}, order
    font["head"].glyphDataFormat = 0
    font.sfntVersion = "\000\001\000\000"
