"""Fonts for paper, from font packages: Inter, Noto for every script that Inter lacks, Noto CJK.

The packages hold variable fonts; reportlab wants static ones with TrueType outlines. So the glyphs that a document needs
are cut out, set at their weight, and converted (fontTools). One name's worth of Chinese takes some 0.3 s and 5 KB.
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
# Cut out together, so that the next document finds the font made: Latin with its accents, and punctuation.
_LATIN = frozenset(chr(code) for code in (*range(0x20, 0x180), *range(0x218, 0x21C), *range(0x2010, 0x2027))
                   if chr(code).isprintable())
_DIGITS = frozenset(" 0123456789().-’")
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
    from fontTools.ttLib import TTFont

    with TTFont(source.path, fontNumber=source.number, lazy=True) as font:
        return frozenset(font.getBestCmap())


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
    parts = {part for char in needed for part in unicodedata.normalize("NFD", char)}
    return frozenset(needed | parts | (_LATIN if source == _sources()[0] else frozenset() if source.is_cjk else _DIGITS))


def _registered(source: Source, weight: int, chars: frozenset[str]) -> str:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    seal = hashlib.sha256("".join(sorted(chars)).encode()).hexdigest()[:12]
    name = f"{source.path.stem.partition('[')[0]}{source.number if source.is_cjk else ''}-{weight}-{seal}"
    if name not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(name, io.BytesIO(_static(source, weight, chars)), shapable=True))
    return name


@lru_cache(maxsize=48)
def _static(source: Source, weight: int, chars: frozenset[str]) -> bytes:
    """A static TrueType font with these signs and whatever they join to."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    latin = source.path.name.startswith(("Inter", "NotoSans["))
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "locl"] if latin else [] if source.is_cjk else ["*"]
    options.hinting = False
    options.notdef_outline = True
    options.drop_tables += ["DSIG", "VORG", "vhea", "vmtx", "VVAR", "BASE", "MVAR", "STAT"]
    options.name_IDs = [0, 1, 2, 4, 6, 13, 14]
    with TTFont(source.path, fontNumber=source.number, lazy=True) as font:
        return _cut_out(font, source, weight, chars, options)


def _cut_out(font: Any, source: Source, weight: int, chars: frozenset[str], options: Any) -> bytes:
    from fontTools import subset
    from fontTools.varLib import instancer

    for table in ("STAT", "DSIG", "meta", "GSUB" if source.is_cjk else "DSIG", "GPOS" if source.is_cjk else "DSIG"):
        if table in font:
            del font[table]
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=[ord(char) for char in chars])
    cutter.subset(font)
    axes = {axis.axisTag: max(axis.minValue, min(axis.maxValue, float(weight) if axis.axisTag == "wght" else axis.defaultValue)) for axis in font["fvar"].axes}
    if "opsz" in axes:
        axes["opsz"] = 14.0 if weight < 600 else 32.0
    if source.is_cjk:
        _to_truetype(font, axes)
    else:
        font = instancer.instantiateVariableFont(font, axes, inplace=True)
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


def _to_truetype(font: Any, axes: dict[str, float]) -> None:
    """Cubic variable outlines (CFF2) to static quadratic ones: reportlab reads no CFF. The error is under a thousandth of the letter's height."""
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.ttLib import newTable

    order = font.getGlyphOrder()
    glyphs, quadratic = font.getGlyphSet(location=axes), {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(Cu2QuPen(pen, max_err=1.0, reverse_direction=True))
        quadratic[name] = pen.glyph()
        font["hmtx"][name] = (round(glyphs[name].width), 0)
    font["loca"] = newTable("loca")
    font["glyf"] = glyf = newTable("glyf")
    glyf.glyphOrder, glyf.glyphs = order, quadratic
    for table in ("CFF2", "HVAR", "fvar", "avar", "GDEF", "GPOS"):
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
