"""Fail when notebooks and exported modules differ, a notebook is not cleaned or stores what no reader can use, or a module has no notebook any more."""
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent


def git(*words) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout


def state() -> dict[str, str]:
    "Digest of every notebook and module, tracked or not."
    names = git("ls-files", "--cached", "--others", "--exclude-standard", "nbs", "lanenb").splitlines()
    return {n: hashlib.sha256((ROOT / n).read_bytes()).hexdigest() for n in names if (ROOT / n).is_file()}


def orphans() -> list[str]:
    "Modules that no notebook exports: a renamed notebook leaves its old module behind."
    found = []
    for path in sorted((ROOT / "lanenb").rglob("*.py")):
        if path.name in ("__init__.py", "_modidx.py"): continue
        source = re.search(r"File to edit: (\S+\.ipynb)", path.read_text(encoding="utf-8"))
        if not source or not (path.parent / source[1]).resolve().is_file(): found.append(str(path.relative_to(ROOT)))
    return found


def useless(path: Path) -> list[str]:
    "What the notebook stores and nobody can use: the state of widgets, which live in a kernel only, progress bars, an error."
    notebook = json.loads(path.read_text(encoding="utf-8"))
    outputs = [o for c in notebook["cells"] for o in c.get("outputs", [])]
    found = ["widget state"] if "widgets" in notebook["metadata"] else []
    if any(o["output_type"] == "error" for o in outputs): found.append("the error of a run that failed")
    if any("application/vnd.jupyter.widget-view+json" in o.get("data", {}) for o in outputs): found.append("a widget")
    return found + (["output on stderr"] if any(o.get("name") == "stderr" for o in outputs) else [])


before = state()
for command in ("nbdev_export", "nbdev_clean"): subprocess.run([BIN / command], cwd=ROOT, check=True)
after = state()
changed = sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))
lost = orphans()
for name in changed: print(f"out of step with its notebook, or not cleaned: {name}", file=sys.stderr)
for name in lost: print(f"no notebook exports this module: {name}", file=sys.stderr)
stored = {n: useless(ROOT / n) for n in after if n.endswith(".ipynb")}
for name, what in stored.items():
    if what: print(f"stores {' and '.join(what)}: {name}", file=sys.stderr)
nameless = [n for n in stored if "kernelspec" not in json.loads((ROOT / n).read_text(encoding="utf-8"))["metadata"]]
for name in nameless: print(f"names no kernel, so that nothing knows its language: {name}", file=sys.stderr)
if changed or lost or nameless or any(stored.values()): sys.exit(1)
print(f"{len(after)} notebooks and modules in step")
