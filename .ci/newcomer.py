"""Follow README.md as a newcomer does: in a fresh clone of the last commit, with a home folder of its own and no caches.

usage: python .ci/newcomer.py [--keep DIR] [--links] [--pythons PYTHON ...]

1. Links: every relative link, picture and anchor of README.md, data/README.md and reports/README.md leads somewhere in the clone, and so does every
   path of the repository that they name in `code`.
2. Commands: every fenced command, in order. What takes minutes is run, smaller where `SMALL` says so; what takes longer is checked without being run:
   the command line parses, the template has these parameters, the YAML file is a sweep. A command that `SMALL` does not know is a fault.
   Then the commands in `code` of the three pages: checked in the same way, and run where they take seconds.
3. The Python example prints what the README says.
4. `pip install .` into an empty environment, away from the checkout: `lanenb --help` works, every module can be imported, lanes are found in pictures.
   With --pythons the same for other interpreters, with wheels only; where pip finds no CPU build of torch for one, it takes gigabytes of CUDA.
--links stops after the first, --install does the fourth alone. Needs the package registry, nothing else of the network.
"""
import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "data/README.md", "reports/README.md")
# a README's command -> what is run in its place ("" as it is), or why it is only checked (None: see below)
SMALL = {
    "git clone": "done", "make report": "", "make test": None,
    "lanenb run lanelm -p data data/scenes -p n_images 8 -p design v5 --name eight_v5 -p resume": "-p epochs 30",
    "lanenb run lanelm -p data data/scenes -p n_images 8": "-p epochs 20",
    "lanenb sweep nbs/runs/lanelm_v4_v5.yaml --workers 2": None,              # 12 runs, a quarter of an hour
    "lanenb sweep nbs/runs/lanelm_v4_v5.yaml --scheduler": None,              # needs a cluster; nbs/core/12_cluster.ipynb starts one
    "lanenb reports": "",
    "lanenb compare reports/gait_models": None,                               # compares the runs of a sweep of half an hour
    "lanenb run clrernet": "-p epochs 1 -p preset mini",
    "lanenb train clrernet": "-p epochs 1",
    "lanenb evaluate clrernet": "",
    "lanenb predict photos --out found --cut": "",
    "lanenb run lanelm -p data data/scenes5k": None,                          # an hour
    "lanenb detect job.json": None,                                           # needs pictures with boxes
    "lanenb predict photos --out boxes --model detection": None,              # needs a detector of one's own
    "lanenb run labelling": "",
    "lanenb speed": "",
    "lanenb evaluate culane": "",
    "lanenb bench": "tokenizer", "lanenb bench --out": None,                   # minutes, and only alone on a machine
    "lanenb distributed": "lanelm_v6", "lanenb drills": "",
    "lanenb run lanelm -p data /path/to/": "-p epochs 2 -p n_images 4",
    "make site": "",
}
QUICK = ("lanenb --help", "nbdev_export", "nbdev_clean", "git config")        # in the pages' prose, and run
# what a newcomer puts in the place of a word
PLACES = {"DIR": "data/scenes", "FILE": "data/scenes/list/train_gt.txt", "FOLDER": "data/weights/mine", "HOST": "127.0.0.1",
          "/path/to/CULane": "data/scenes", "/path/to/TuSimple": "data/scenes", "/path/to/frames": "photos"}
QUICK_S, SLOW_S = 900, 1800


def git(*words, cwd=ROOT) -> str:
    return subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, text=True).stdout


def smaller(command: str, instead: str) -> str:
    "The `command` with the words `instead` after it, and without the parameters that these give again (a parameter given twice is refused)."
    for name in re.findall(r"-p (\w+)", instead): command = re.sub(rf" +-p {name} \S+", "", command)
    return f"{command} {instead}".strip()


def slug(heading: str) -> str:
    "The anchor that GitHub gives a heading."
    return re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\[|\]\([^)]*\)", "", heading).strip().lower()).replace(" ", "-")


def broken_links(clone: Path) -> list[str]:
    "Links, pictures, anchors and paths in `code` of the pages that are not in the clone."
    found, ignored = [], lambda path: subprocess.run(["git", "check-ignore", "-q", path], cwd=clone, check=False).returncode == 0
    for name in PAGES:
        text, folder = (clone / name).read_text(encoding="utf-8"), (clone / name).parent
        prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        anchors = {slug(h) for h in re.findall(r"^#+ (.+)$", prose, re.M)}
        for link in re.findall(r"\]\(<?([^)>\s]+)", prose):
            path, _, anchor = link.partition("#")
            if re.match(r"\w+:", link): continue
            if path and not (folder / path).exists(): found.append(f"{name}: {link} leads nowhere")
            elif not path and anchor not in anchors: found.append(f"{name}: there is no heading for #{anchor}")
        for code in re.findall(r"`([^`\n]+)`", prose):
            path = code.rstrip("/")
            if not re.fullmatch(r"(?:nbs|lanenb|reports|data|\.ci)/[\w./*-]+", path): continue
            there = any(clone.glob(path)) or any(clone.glob(path + ".*"))
            if not there and not ignored(path): found.append(f"{name}: `{code}` is not in the repository")
            if not there and path.startswith("reports/"): found.append(f"{name}: `{code}` is no report that the repository has")
    return found


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, flags=re.M | re.S)


def commands(text: str) -> list[str]:
    "The commands of a README's bash blocks, without comments."
    lines = [line for block in blocks(text, "bash") for line in block.splitlines()]
    return [" ".join(shlex.split(line, comments=True)) if "'" not in line and '"' not in line else line.split("  #")[0].strip() for line in lines if line.strip() and not line.startswith("#")]


def named(text: str) -> list[str]:
    "The commands in `code` in a page's prose, each once."
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return list(dict.fromkeys(c.rstrip(" …") for c in re.findall(r"`([^`\n]+)`", prose) if re.match(r"(?:make|lanenb|git|nbdev_\w+|jupyter|python3?)(?: |$)", c)))


def parse(words: list[str]) -> None:
    "Check a `lanenb` command without running it. Raises what the command would."
    import typer

    from lanenb import cli
    from lanenb.core.templates import check_parameters, parse_value, read_template
    from lanenb.core.sweeps import read_sweep

    def looks(**given):
        if "template" in given and "parameter" in given:
            template = read_template(given["template"])
            check_parameters(template, {k: parse_value(v, template.kinds.get(k)) for k, v in map(cli._pair, given["parameter"])})
        if "scheduler" in given: print(f"{len(read_sweep(given['file']).runs)} runs in {given['file']}")

    def quiet(command):
        for inner in getattr(command, "commands", {}).values(): quiet(inner)
        if not hasattr(command, "commands"): command.callback = looks
    command = typer.main.get_command(cli.app)
    quiet(command)
    command.main(cli._join_pairs(words), standalone_mode=False, prog_name="lanenb")


class Newcomer:
    "A clone with a home of its own; `faults` grows."
    def __init__(self, base: Path):
        self.base, self.clone, self.faults = base, base / "lanenb", []
        home = base / "home"
        home.mkdir()
        keep = {k: v for k, v in os.environ.items() if k in ("LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE") or k.startswith("PIP_") or k.lower().endswith("_proxy")}
        path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if not p.startswith(str(ROOT)))
        self.environment = {**keep, "HOME": str(home), "PATH": f"{self.clone / '.venv' / 'bin'}{os.pathsep}{path}", "PIP_NO_CACHE_DIR": "1",
                            "NO_ALBUMENTATIONS_UPDATE": "1", "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"), "MPLBACKEND": "agg"}
        config = Path.home() / ".config" / "pip"                       # where this machine's registry is
        if config.is_dir(): shutil.copytree(config, home / ".config" / "pip")

    def do(self, words: str | list[str], cwd: Path | None = None, limit: float = QUICK_S, say: str = "") -> str:
        "Run a command; what it prints. A fault when it fails."
        began, shell = time.monotonic(), isinstance(words, str)
        try: done = subprocess.run(words, shell=shell, cwd=cwd or self.clone, env=self.environment, capture_output=True, text=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            self.faults.append(f"{say or words}: not done in {limit:.0f} s")
            return ""
        print(f"{time.monotonic() - began:7.1f} s  {'ok    ' if done.returncode == 0 else 'FAILED'} {say or words}", flush=True)
        if done.returncode: self.faults.append(f"{say or words}: exit code {done.returncode}: {' '.join((done.stderr or done.stdout).split())[-600:]}")
        return done.stdout

    def follow(self, command: str):
        "One command of the README."
        key = max((k for k in SMALL if command.startswith(k)), key=len, default=None)
        if key is None: return self.faults.append(f"{command}: new in the README; say in SMALL of .ci/newcomer.py how to try it")
        if SMALL[key] == "done": return None
        real = command
        for word, place in PLACES.items(): real = re.sub(rf"(?<![\w/]){re.escape(word)}(?!\w)", place, real)
        if SMALL[key] is not None: return self.do(smaller(real, SMALL[key]), limit=SLOW_S, say=f"{command}   [{SMALL[key]}]" if SMALL[key] else command)
        return self.check(real, command)

    def check(self, real: str, command: str):
        "Check a command, `real` with places for words, without running it."
        program, *words = shlex.split(real)
        say = f"{command}   (checked only)"
        if program == "make": return self.do(["make", "-n", *words], say=say)
        if program == "lanenb": return self.do([".venv/bin/python", ".ci/newcomer.py", "--parse", *words], say=say)
        return None if shutil.which(program, path=self.environment["PATH"]) else print(f"            not here: {command}")

    def example(self, text: str):
        "The Python example and the output below it."
        code, said = re.search(r"^```python\n(.*?)^```\n+((?:    [^\n]*\n)+)", text, flags=re.M | re.S).groups()
        want = re.sub(r"^    ", "", said, flags=re.M).strip()
        if (got := self.do([".venv/bin/python", "-c", code], say="the Python example").strip()) != want: self.faults.append(f"the Python example prints {got!r}, the README says {want!r}")

    def install(self, python: str):
        "`pip install .` into an empty environment of `python`, and what works there without a checkout."
        where, away = self.base / f"env-{Path(python).name}", self.base / f"away-{Path(python).name}"
        away.mkdir()
        if not (version := self.do([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], cwd=away, say="its version").strip()): return
        self.do([python, "-m", "venv", str(where)], cwd=away, say=f"an empty environment of Python {version}")
        before, pip = len(self.faults), str(where / "bin" / "pip")
        torch = re.search(r"^torch==.*$", (self.clone / "constraints.txt").read_text(encoding="utf-8"), re.M)[0]
        self.do([pip, "install", "-q", "--only-binary", ":all:", torch], cwd=away, limit=SLOW_S, say=f"pip install {torch}")
        self.do([pip, "install", "-q", "-c", str(self.clone / "constraints.txt"), str(self.clone)], cwd=away, limit=SLOW_S, say="pip install .")
        if len(self.faults) > before: return
        run = str(where / "bin" / "lanenb")
        if "workbook" not in self.do([run, "--help"], cwd=away, say="lanenb --help"): self.faults.append(f"Python {version}: lanenb --help says nothing of use")
        self.do([str(where / "bin" / "python"), "-c", IMPORTS], cwd=away, say="import every module, without the notebooks")
        self.do([run, "data", "culane", "--out", "scenes", "--n", "3"], cwd=away, say="lanenb data culane, away from a checkout")
        self.do([run, "predict", "scenes", "--out", "found"], cwd=away, say="lanenb predict, away from a checkout")
        if not list((away / "found").rglob("*.lines.txt")): self.faults.append(f"Python {version}: lanenb predict wrote no lanes")


# a module may say that an extra is missing, by its name; nothing else may go wrong
IMPORTS = """
import importlib, pkgutil, lanenb
names, missing = [m.name for m in pkgutil.walk_packages(lanenb.__path__, "lanenb.")], []
for name in names:
    try: importlib.import_module(name)
    except ModuleNotFoundError as e: missing.append(f"{name} needs {e.name}")
assert len(names) > 100, names
assert not missing, missing
print(len(names), "modules")
"""


def main() -> int:
    if sys.argv[1:2] == ["--parse"]: return parse(sys.argv[2:]) or 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, help="a new folder for the clone and its environments, which stay")
    parser.add_argument("--links", action="store_true", help="check the links only")
    parser.add_argument("--install", action="store_true", help="pip install and what follows only")
    parser.add_argument("--pythons", nargs="*", default=[], metavar="PYTHON", help="more interpreters to install into")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        if args.keep:
            base = args.keep.resolve()
            base.mkdir(parents=True)
        newcomer = Newcomer(base)
        git("clone", "-q", "--no-hardlinks", str(ROOT), str(newcomer.clone))
        if changed := git("status", "--porcelain").splitlines(): print(f"{len(changed)} changes are not committed, and not looked at")
        newcomer.faults += broken_links(newcomer.clone)
        print(f"{len(PAGES)} pages, {len(newcomer.faults)} broken links")
        if not (args.links or args.install):
            text = (newcomer.clone / "README.md").read_text(encoding="utf-8")
            for command in commands(text):
                newcomer.follow(command)
                if command.startswith("make report"): shutil.copytree(next((newcomer.clone / "data" / "scenes").glob("driver_*")), newcomer.clone / "photos")
            newcomer.example(text)
            for command in dict.fromkeys(c for page in PAGES for c in named((newcomer.clone / page).read_text(encoding="utf-8"))):
                newcomer.do(command) if command.startswith(QUICK) else newcomer.check(command, command)
        if not args.links:
            for python in [sys.executable, *args.pythons]: newcomer.install(python)
    for fault in newcomer.faults: print(fault, file=sys.stderr)
    print(f"{len(newcomer.faults)} faults")
    return int(bool(newcomer.faults))


if __name__ == "__main__": sys.exit(main())
