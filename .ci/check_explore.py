"""Open the explore notebooks in JupyterLab and in the classic notebook, in headless Chromium; run them, and label a lane with the mouse.

usage: python .ci/check_explore.py [--screenshots DIR] [--only NAME]

The committed notebooks are run in a copy. In the lane prompter two points are clicked, a point is dragged and removed, keys are pressed, the
label is saved, and the file is read back. Nothing outside this machine can be reached by the page.
"""
import argparse
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ARTIFACTS = ROOT / ".ci" / "artifacts"
NOTEBOOKS = ROOT / "nbs" / "explore"
PROMPTER = "04_prompter"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]
WAIT_MS = 40_000          # for one reaction of the page; a busy machine is slow, not broken

RUN_ALL = """async () => { const panel = window.jupyterapp.shell.currentWidget;
  await panel.context.ready; await panel.sessionContext.ready;
  return await window.jupyterapp.commands.execute('notebook:run-all-cells'); }"""
READY = """(name) => { const app = window.jupyterapp; const panel = app && app.shell && app.shell.currentWidget;
  return Boolean(panel && panel.content && panel.content.model && panel.context && panel.context.path.endsWith(name + '.ipynb')
    && panel.sessionContext.session && panel.sessionContext.session.kernel && app.commands.hasCommand('notebook:run-all-cells')); }"""
# faults of a run: what raised an error, and code cells that were never executed
FAULTS = """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells.map((c, i) => [c, i]).flatMap(([c, i]) =>
  c.cell_type !== 'code' ? [] : [...c.outputs.filter(o => o.output_type === 'error').map(o => `cell ${i}: ${o.ename}: ${o.evalue}`),
  ...(c.source.length && c.execution_count === null ? [`cell ${i} was not executed`] : [])])"""
SHOW_CELL = """async (text) => { const content = window.jupyterapp.shell.currentWidget.content;
  const i = content.widgets.findIndex(w => w.model.sharedModel.getSource().split('\\n').includes(text));
  content.activeCellIndex = i; await content.scrollToItem(i, 'start'); return i; }"""
END_KERNEL = "async () => { await window.jupyterapp.shell.currentWidget.sessionContext.shutdown(); }"
CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.cells.length"


def copy_notebook(name: str, folder: Path):
    "The committed notebook without its last, exporting cell: a copy exports nothing."
    nb = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))
    nb["cells"] = [c for c in nb["cells"] if c["cell_type"] != "code" or "nbdev_export()" not in "".join(c["source"])]
    (folder / f"{name}.ipynb").write_text(json.dumps(nb), encoding="utf-8")
    return [f"{name}.ipynb has {len(json.dumps(nb['metadata']['widgets']))} bytes of widget state in it"] if "widgets" in nb["metadata"] else []


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    "A Jupyter server (`lab` or `notebook`) of this environment over the folder `work`, with nothing of the user's own settings."
    def __init__(self, kind: str, base: Path):
        self.kind, self.port, self.token, self.log = kind, free_port(), secrets.token_hex(16), base / f"{kind}.log"
        self.work, self.tmp = base / f"work-{kind}", base / f"tmp-{kind}"
        own = {"JUPYTER_RUNTIME_DIR": base / f"run-{kind}", "JUPYTER_CONFIG_DIR": base / f"config-{kind}", "JUPYTER_DATA_DIR": base / f"data-{kind}",
               "IPYTHONDIR": base / f"ipython-{kind}", "JUPYTERLAB_SETTINGS_DIR": base / f"settings-{kind}", "JUPYTERLAB_WORKSPACES_DIR": base / f"spaces-{kind}",
               "TMPDIR": self.tmp}
        for folder in (self.work, *own.values()): folder.mkdir(parents=True)
        asks = own["JUPYTERLAB_SETTINGS_DIR"] / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
        asks.parent.mkdir(parents=True)
        if kind == "lab": asks.write_text('{"fetchNews": "false", "checkForUpdates": false}')                  # no question over the page
        app = "LabApp" if kind == "lab" else "JupyterNotebookApp"
        command = [sys.executable, "-m", "jupyterlab" if kind == "lab" else "notebook", "--no-browser", "--ip=127.0.0.1", f"--port={self.port}",
                   "--ServerApp.port_retries=0", f"--ServerApp.root_dir={self.work}", f"--IdentityProvider.token={self.token}", "--allow-root",
                   f"--{app}.expose_app_in_browser=True"]
        env = os.environ | {k: str(v) for k, v in own.items()} | {"LANENB_ROOT": str(ROOT), "OMP_NUM_THREADS": "1", "NO_ALBUMENTATIONS_UPDATE": "1"}
        with self.log.open("w") as log: self.process = subprocess.Popen(command, cwd=self.work, env=env, stdout=log, stderr=log, start_new_session=True)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{'lab/tree' if self.kind == 'lab' else 'notebooks'}/{name}.ipynb?token={self.token}"

    def wait(self, seconds: float = 40):
        "Until it answers. Raises `RuntimeError` with the end of its log."
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/status?token={self.token}", timeout=2).close()
                return
            except (urllib.error.URLError, OSError): time.sleep(.2)
        raise RuntimeError(f"jupyter {self.kind} did not start: {self.log.read_text()[-1500:]}")

    def stop(self):
        "End the server; it ends its kernels."
        self.process.terminate()
        try: self.process.wait(15)
        except subprocess.TimeoutExpired: self.process.kill()


def open_notebook(context, server: Server, name: str, faults: list):
    "A page with the notebook `name`, its kernel there."
    page = context.new_page()
    page.goto(server.url(name), wait_until="load")
    page.wait_for_function(READY, arg=name, timeout=3*WAIT_MS)
    page.on("pageerror", lambda e: faults.append(f"script error: {str(e)[:300]}"))        # what Jupyter itself stumbles over while it loads is its own
    return page


def run_notebook(context, server: Server, name: str, screenshots: Path) -> tuple:
    "Run all cells of the notebook `name`; returns (page, faults)."
    faults = copy_notebook(name, server.work)
    page = open_notebook(context, server, name, faults)
    page.evaluate(RUN_ALL)
    faults += page.evaluate(FAULTS)
    page.screenshot(path=screenshots / f"{server.kind}-{name}.png")
    return page, faults


def status(page) -> str: return page.locator(".lanenb-status").first.inner_text()


def wait_status(page, text: str):
    page.wait_for_function("(text) => document.querySelector('.lanenb-status').innerText.includes(text)", arg=text, timeout=WAIT_MS)


def label(page, server: Server, screenshots: Path) -> list:
    "Label with mouse and keys; returns the faults."
    faults = []

    def expect(what, found, wanted):
        if found != wanted: faults.append(f"{what}: {found!r} where {wanted!r} was expected")

    page.evaluate(SHOW_CELL, "prompter = LanePrompter(folder)")
    stage = page.locator(".lanenb-stage").first
    stage.wait_for(timeout=WAIT_MS)
    page.wait_for_function("() => { const i = document.querySelector('.lanenb-stage img'); return i && i.complete && i.naturalWidth > 0; }", timeout=WAIT_MS)
    stage.scroll_into_view_if_needed()
    cells, box = page.evaluate(CELLS), stage.bounding_box()
    proposals = page.locator(".lanenb-stage .lane").count()
    if not proposals: faults.append("no lane is proposed")
    page.screenshot(path=screenshots / f"{server.kind}-prompter-1-proposals.png")

    def at(x, y): return box["x"] + x*box["width"]/1640, box["y"] + y*box["height"]/590

    def press(key, text=None):
        page.keyboard.press(key)
        if text: wait_status(page, text)

    # all proposals go: choose one after the other by a click on its line, and reject it
    for left in range(proposals, 0, -1):
        x, y = page.evaluate("""() => { const p = document.querySelector('.lanenb-stage .lane .reach'); const q = p.getPointAtLength(p.getTotalLength()/2)
          .matrixTransform(p.getScreenCTM()); return [q.x, q.y]; }""")
        page.mouse.click(x, y)
        page.wait_for_selector(".lanenb-stage .lane.active", timeout=WAIT_MS, state="attached")
        page.keyboard.press("r")
        page.wait_for_function("(n) => document.querySelectorAll('.lanenb-stage .lane').length === n", arg=left - 1, timeout=WAIT_MS)
    # two clicks, the lane is there
    clicked = [(481, 450), (640, 350)]
    for n, (x, y) in enumerate(clicked, 1):
        page.mouse.click(*at(x, y))
        wait_status(page, f"completed from {n} point")
    took = status(page)
    page.wait_for_function("() => document.querySelectorAll('.lanenb-stage .point').length === 2", timeout=WAIT_MS)
    dots = page.evaluate("() => [...document.querySelectorAll('.lanenb-stage .point')].map(c => [+c.getAttribute('cx'), +c.getAttribute('cy')]).sort((a, b) => b[1] - a[1])")
    off = max(abs(a - b) for dot, point in zip(dots, clicked) for a, b in zip(dot, point))
    if off > 1640/box["width"] + .5: faults.append(f"clicks at {clicked} became points at {dots}")
    expect("lanes after two clicks", page.locator(".lanenb-stage .lane").count(), 1)
    page.screenshot(path=screenshots / f"{server.kind}-prompter-2-clicked.png")
    # a drag, its undo; a third point, removed by Delete, then one by the right button
    page.mouse.move(*at(*clicked[0]))
    page.mouse.down()
    page.mouse.move(*at(520, 460), steps=4)
    page.mouse.up()
    page.wait_for_function("() => [...document.querySelectorAll('.lanenb-stage .point')].some(c => Math.abs(c.getAttribute('cx') - 520) < 4)", timeout=WAIT_MS)
    press("z")
    page.wait_for_function("() => [...document.querySelectorAll('.lanenb-stage .point')].some(c => Math.abs(c.getAttribute('cx') - 481) < 4)", timeout=WAIT_MS)
    for remove in ("Delete", "right"):
        page.mouse.click(*at(354, 530))
        page.wait_for_function("() => document.querySelectorAll('.lanenb-stage .point').length === 3", timeout=WAIT_MS)
        if remove == "right": page.mouse.click(*at(354, 530), button="right")
        else: press(remove)
        page.wait_for_function("() => document.querySelectorAll('.lanenb-stage .point').length === 2", timeout=WAIT_MS)
    press("a")
    press("s", "saved 1 lane to 00_normal.lines.txt")
    # keys that would cut, copy, delete or undo cells, were they JupyterLab's
    for key in ("c", "z", "y", "d", "d", "x", "Delete"): press(key)
    page.wait_for_timeout(300)
    expect("cells of the notebook after keys over the image", page.evaluate(CELLS), cells)
    press("z")
    lines = [[float(v) for v in row.split()] for f in server.tmp.rglob("drive/00_normal.lines.txt") for row in f.read_text().splitlines()]
    expect("lanes in the saved file", len(lines), 1)
    for x, y in clicked if lines else ():
        points = list(zip(lines[0][::2], lines[0][1::2]))
        near = min(points, key=lambda p: abs(p[1] - y))
        if abs(near[0] - x) > 25: faults.append(f"the saved lane passes ({near[0]:.0f}, {near[1]:.0f}), the click was at ({x}, {y})")
    press("ArrowRight", "proposed")
    page.screenshot(path=screenshots / f"{server.kind}-prompter-3-next.png")
    press("ArrowRight", "cut short")
    page.screenshot(path=screenshots / f"{server.kind}-prompter-4-broken.png")
    print(f"{server.kind}: clicked, dragged, removed, saved, read back; {took}", flush=True)
    return faults


def check(share: list, screenshots: Path) -> list:
    "All faults of the `share`, (kind, name) each, told as they are found."
    from playwright.sync_api import Error, sync_playwright
    found, began = [], time.monotonic()
    kinds = list(dict.fromkeys(kind for kind, _ in share))
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with tempfile.TemporaryDirectory(prefix="lanenb-explore-", ignore_cleanup_errors=True) as base, sync_playwright() as p:
        os.chmod(base, 0o755)                                   # a notebook plays somebody without rights, who must find its folder
        browser = p.chromium.launch(executable_path=chromium, args=FLAGS)
        servers = [Server(kind, Path(base)) for kind in kinds]
        try:
            for server in servers:
                server.wait()
                context = browser.new_context(viewport={"width": 1280, "height": 960}, device_scale_factor=1.5)
                context.set_default_timeout(120_000)
                context.route(lambda url, port=server.port: f"//127.0.0.1:{port}/" not in url and not url.startswith(("data:", "blob:")), lambda r: r.abort())
                for name in [name for kind, name in share if kind == server.kind]:
                    page = None
                    try:
                        page, faults = run_notebook(context, server, name, screenshots)
                        if name == PROMPTER and not faults: faults += label(page, server, screenshots)
                    except Error as e:
                        here = [f.lineno for f in traceback.extract_tb(e.__traceback__) if f.filename == __file__]
                        faults = [f"the browser waited in vain in line {here[-1]}: {str(e).splitlines()[0]}"]
                        if page: page.screenshot(path=screenshots / f"{server.kind}-{name}-fault.png")
                    for fault in faults: print(f"{server.kind}, {name}: {fault}", file=sys.stderr, flush=True)
                    found += faults
                    print(f"{server.kind}/{name}: {len(faults)} faults, {time.monotonic() - began:.0f} s", flush=True)
                    if page:
                        page.evaluate(END_KERNEL)
                        page.close()
                context.close()
        finally:
            for server in servers: server.stop()
            browser.close()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--screenshots", type=Path, default=ARTIFACTS, help="folder for pictures of the pages (default: .ci/artifacts)")
    parser.add_argument("--only", help="one notebook of nbs/explore, without suffix")
    parser.add_argument("--kinds", nargs="+", default=["lab", "notebook"], choices=["lab", "notebook"], help="which Jupyter (default: both)")
    args = parser.parse_args()
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        print("SKIPPED: no Chromium here, the notebooks were not opened in a browser (apt-get install chromium)", file=sys.stderr)
        return 0
    names = [args.only] if args.only else sorted(p.stem for p in NOTEBOOKS.glob("*.ipynb"))
    args.screenshots.mkdir(parents=True, exist_ok=True)
    if args.screenshots == ARTIFACTS: (ARTIFACTS / ".gitignore").write_text("*\n")
    work = [(kind, n) for kind in args.kinds if kind == "lab" or find_spec("notebook") for n in names if kind == "lab" or n == PROMPTER]
    shares = [share for share in (work[::2], work[1::2]) if share]                                     # a server and a browser each, side by side
    with ProcessPoolExecutor(len(shares), mp_context=get_context("spawn")) as pool:
        found = [fault for faults in pool.map(check, shares, [args.screenshots]*len(shares)) for fault in faults]
    return int(bool(found))


if __name__ == "__main__": sys.exit(main())
