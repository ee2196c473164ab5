"""Build the notebooks as a site with search, from their committed outputs: nothing is executed, and the pages need no network.

usage: python .ci/site.py [--out DIR] [ROOM ...]     DIR: _site; rooms: all of them, some for a quick look
"""
import argparse
import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
from sphinx.cmd.build import main as sphinx

ROOT = Path(__file__).resolve().parents[1]
NBS, WORK = ROOT / "nbs", ROOT / "build" / "site"
BUILD, HTML = WORK / "pages", WORK / "html"
ROOMS = {  # in the order of reading
    "core": ("Core", "What every study uses: settings, training that survives a kill, runs, reports, sweeps."),
    "lanes": ("Lanes", "CULane and TuSimple, their metrics, a generator of road scenes, augmentation."),
    "clrernet": ("CLRerNet", "The anchor detector, from the backbone to ONNX."),
    "lanelm": ("LaneLM", "Lanes as sequences of tokens: tokenizer, designs, decoding, diagnostics."),
    "gait": ("Gait", "Is the time axis better pooled or remembered?"),
    "detection": ("Detection", "Fine-tuning RT-DETR, D-FINE and RF-DETR: what is each trick worth?"),
    "aerial": ("Aerial", "What opens the gap between validation and an unseen country, and what closes it?"),
    "explore": ("Explore", "Widgets: a page to label lanes by clicking, and sliders that show the methods. They live in JupyterLab; here are their pictures."),
    "drills": ("Drills", "What happens when a training is killed, a disk is full or a file is broken."),
    ".": ("Command line, bench, processes", "One page each, beside the rooms."),
    "runs": ("Templates of runs", "The notebooks that `lanenb run NAME` executes with papermill. They are kept without outputs; the results are in `reports/`."),
}
LANDING = NBS / "index.ipynb"
written: set[Path] = set()


def notebooks(room: str) -> list[Path]:
    return sorted(p for p in (NBS / room).glob("*.ipynb") if p != LANDING)


def prepare(path: Path) -> tuple[str, str]:
    "Copy a notebook, without the cells that it hides, for Sphinx; its title and subtitle."
    nb = nbformat.read(path, 4)
    nb.cells = [c for c in nb.cells if not re.match(r"#\|\s*hide\b", c.source)]
    first = next((c.source for c in nb.cells if c.cell_type == "markdown"), "")
    title, subtitle = re.search(r"^# (.+)", first, re.M), re.search(r"^> (.+)", first, re.M)
    if not title: raise SystemExit(f"{path.relative_to(ROOT)} has no title: its first text should begin with `# `")
    write(BUILD / path.relative_to(NBS), nbformat.writes(nb))
    return title[1], subtitle[1] if subtitle else ""


def write(path: Path, text: str):
    "Sphinx reads again what is newer: a file that says the same is left alone."
    path.parent.mkdir(parents=True, exist_ok=True)
    written.add(path)
    if not path.is_file() or path.read_text(encoding="utf-8") != text: path.write_text(text, encoding="utf-8")


def toctree(entries: list[str], caption: str = "") -> str:
    return "\n".join(["```{toctree}", ":hidden:", ":maxdepth: 2", *([f":caption: {caption}"] if caption else []), "", *entries, "```"])


def room_page(room: str) -> tuple[str, int]:
    "The page of a room: its notebooks with their subtitles. Its name and the number of notebooks."
    title, about = ROOMS[room]
    paths = notebooks(room)
    name = "beside" if room == "." else f"{room}/index"
    rows = []
    for path in paths:
        head, subtitle = prepare(path)
        rows.append(f"- [{head}](<{path.name}>)" + (f": {subtitle}" if subtitle else ""))
    write(BUILD / f"{name}.md", f"# {title}\n\n{about}\n\n" + "\n".join(rows) + "\n\n" + toctree([p.stem for p in paths]) + "\n")
    return name, len(paths)


def landing(pages: list[str]):
    "index.ipynb with the table of contents."
    nb = nbformat.read(LANDING, 4)
    nb.cells.append(nbformat.v4.new_markdown_cell("```{toctree}\n:hidden:\n\n" + "\n".join(pages) + "\n```", id="contents"))
    write(BUILD / "index.ipynb", nbformat.writes(nb))
    shutil.copytree(NBS / "images", BUILD / "images", dirs_exist_ok=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rooms", nargs="*", metavar="ROOM")
    parser.add_argument("--out", type=Path, default=ROOT / "_site")
    args = parser.parse_args()
    if odd := set(args.rooms) - ROOMS.keys(): parser.error(f"there is no room {min(odd)}; there are {', '.join(ROOMS)}")
    there = {"." if p.parent == NBS else p.parent.relative_to(NBS).as_posix() for p in NBS.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts}
    if lost := there - ROOMS.keys(): raise SystemExit(f"the site has no place for nbs/{min(lost)}: give it one in ROOMS of .ci/site.py")
    pages = [room_page(room) for room in ROOMS if room in there and (not args.rooms or room in args.rooms)]
    landing([name for name, _ in pages])
    for old in [*BUILD.rglob("*.ipynb"), *BUILD.rglob("*.md")]:
        if old not in written: old.unlink()               # of a notebook that was renamed, or a room that is not asked for
    shutil.rmtree(HTML, ignore_errors=True)
    code = sphinx(["-q", "-W", "--keep-going", "-j", str(min(2, os.cpu_count() or 1)), "-b", "html", "-c", str(Path(__file__).with_name("site")),
                   "-d", str(WORK / "doctrees"), str(BUILD), str(HTML)])
    if code: return code
    shutil.rmtree(args.out, ignore_errors=True)
    shutil.move(HTML, args.out)
    size = sum(p.stat().st_size for p in args.out.rglob("*") if p.is_file())
    print(f"{args.out}/index.html: {sum(n for _, n in pages) + 1} notebooks in {len(pages)} rooms, {size/1e6:.0f} MB")
    return 0


if __name__ == "__main__": sys.exit(main())
