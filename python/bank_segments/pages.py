"""What the release's HTML pages share: their frame, their style, and a policy that lets them load nothing.

A page is one file that opens from disk without a network: no script, no font, no style from anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from bank_segments.wording import LANGUAGES, TEXT, Language

# The release's first page, in both languages.
INDEX: dict[Language, str] = {"ru": "index.html", "en": "index.en.html"}

HOME: dict[Language, str] = {"ru": "Все материалы", "en": "Everything in this release"}
_LANGUAGE: dict[Language, str] = {"ru": "По-русски", "en": "In English"}

STYLE = """
:root { color-scheme: light; --ink: #1b1b1b; --muted: #595959; --line: #d5d5d5; --paper: #fff; --wash: #f4f5f7;
  --accent: #0b4f8a; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--wash); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere; }
.synthetic { margin: 0; padding: 8px 20px; background: #fff1c9; border-bottom: 1px solid #d9b64a; font-weight: 600; }
.page { max-width: 960px; margin: 0 auto; padding: 0 20px 40px; }
header { display: flex; flex-wrap: wrap; gap: 4px 24px; align-items: baseline; justify-content: space-between;
  padding: 18px 0 12px; }
header nav { display: flex; flex-wrap: wrap; gap: 4px 20px; }
h1 { margin: 0; font-size: 26px; line-height: 1.2; }
h2 { margin: 0 0 6px; font-size: 18px; line-height: 1.3; }
p { margin: 0 0 8px; }
p:last-child, ul:last-child { margin-bottom: 0; }
a, summary { color: var(--accent); }
summary { cursor: pointer; margin-top: 10px; }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 3px solid #d55e00; outline-offset: 2px; }
.muted { color: var(--muted); }
.card, .figure, .verdict { background: var(--paper); border: 1px solid var(--line); border-radius: 8px;
  padding: 14px 16px; margin: 0 0 14px; min-width: 0; }
.verdict { border-left: 6px solid #1b7837; }
.verdict.warned { border-left-color: #b35900; }
.verdict.refused { border-left-color: #b2182b; }
.verdict h2 { font-size: 21px; }
.verdict ul, .card ul { margin: 0; padding-left: 20px; }
.figures { display: grid; grid-template-columns: repeat(3, 1fr); gap: 14px; margin: 0 0 14px; }
.figure { margin: 0; }
.figure p { margin: 0; color: var(--muted); }
.figure .value { color: var(--ink); font-size: 32px; line-height: 1.2; font-weight: 650;
  font-variant-numeric: tabular-nums; }
code { font: 12px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
.visually-hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 640px) {
  .page { padding: 0 12px 28px; }
  .figures { grid-template-columns: 1fr; gap: 8px; }
  .figure { padding: 10px 14px; }
  .figure .value { font-size: 26px; }
  .card, .verdict { padding: 12px; }
  h1 { font-size: 22px; }
}
@media print {
  body { background: #fff; }
  header nav { display: none; }
  .verdict, .figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  thead { display: table-header-group; }
}
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around a page's content; `title` and `source` are text, the links are relative."""

    language: Language
    title: str
    other: str
    is_synthetic: bool
    source: str = ""
    home: str | None = None
    style: str = ""
    images: str = "data:"

    def html(self, content: str) -> str:
        """The whole file around `content`, which is HTML already."""
        other = next(language for language in LANGUAGES if language != self.language)
        home = f'<a href="{self.home}">{HOME[self.language]}</a>' if self.home else ""
        source = f'<p class="muted">{escape(self.source)}</p>' if self.source else ""
        synthetic = f'<p class="synthetic" role="note">{escape(TEXT["synthetic"][self.language])}</p>\n'
        return (
            f'<!DOCTYPE html>\n<html lang="{self.language}">\n<head>\n<meta charset="utf-8">\n'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline';"
            f" img-src {self.images}; base-uri 'none'; form-action 'none'\">\n"
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="referrer" content="no-referrer">\n'
            f'<title>{escape(self.title)}</title>\n<link rel="icon" href="data:,">\n'
            f"<style>{STYLE}{self.style}</style>\n</head>\n<body>\n"
            f'{synthetic if self.is_synthetic else ""}<div class="page">\n'
            f"<header><div><h1>{escape(self.title)}</h1>{source}</div>"
            f'<nav>{home}<a href="{self.other}" hreflang="{other}" lang="{other}">{_LANGUAGE[other]}</a></nav>'
            f"</header>\n<main>\n{content}\n</main>\n</div>\n</body>\n</html>\n"
        )
