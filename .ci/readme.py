"""Make README.md from nbs/index.ipynb: execute it, convert it to Markdown, write its pictures beside it. The same notebook gives the same bytes.

usage: python .ci/readme.py [--check]     --check: write nothing, exit 1 when README.md is not current
"""
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

from lanenb.core.files import replacing
from lanenb.core.reports import clean_notebook

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- Made from nbs/index.ipynb by .ci/readme.py: edit the notebook, then `make readme`. -->\n\n"
LARGEST = 200_000  # bytes of a picture


def made() -> dict[Path, bytes]:
    "Every file that the notebook makes, with its bytes."
    nb = nbformat.read(ROOT / "nbs" / "index.ipynb", 4)
    NotebookClient(nb, timeout=300, kernel_name="python3", extra_arguments=["--log-level=CRITICAL"], resources={"metadata": {"path": str(ROOT / "nbs")}}).execute()
    text, resources = MarkdownExporter().from_notebook_node(clean_notebook(nb), resources={"unique_key": "readme", "output_files_dir": "images"})
    files = {ROOT / "nbs" / name: data for name, data in resources.get("outputs", {}).items()}
    text = re.sub(r"(!\[[^\]]*\]\()(images/)", r"\1nbs/\2", text)  # the notebook lies in nbs/, README.md above it
    text = text.replace("![png](", "![Output of the cell above](")
    text = re.sub(r"[ \t]+$", "", text, flags=re.M)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return files | {ROOT / "README.md": (NOTE + text + "\n").encode()}


def faults(files: dict[Path, bytes]) -> list[str]:
    "Pictures that README.md shows and that are not there or too large."
    found = []
    for name in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", files[ROOT / "README.md"].decode()):
        path = ROOT / name
        size = len(files[path]) if path in files else path.stat().st_size if path.is_file() else 0
        if not size: found.append(f"shows {name}, which is not there")
        if size > LARGEST: found.append(f"shows {name}, which has {size} bytes (at most {LARGEST})")
    return found


def main() -> int:
    files, check = made(), "--check" in sys.argv[1:]
    wrong = faults(files)
    stale = [p for p, data in files.items() if not p.is_file() or p.read_bytes() != data]
    if not check:
        for path in stale:
            with replacing(path) as aside: aside.write_bytes(files[path])
        print(f"wrote {', '.join(str(p.relative_to(ROOT)) for p in stale) or 'nothing, README.md is current'}")
    elif stale: wrong += [f"is not current: {', '.join(str(p.relative_to(ROOT)) for p in stale)} (make readme)"]
    for fault in wrong: print(f"README.md {fault}", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__": sys.exit(main())
