"""Open reports in headless Chromium with the network off: no request, no console error, figures visible, code folded, fits a phone.

usage: python .ci/check_report.py [--screenshots DIR] REPORT.html ...
"""
import argparse
import shutil
import sys
from pathlib import Path

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]

FIGURES = """() => [...document.images].map(i => { const box = i.getBoundingClientRect();
  return {name: i.alt || i.src.slice(0, 60), pixels: i.naturalWidth, w: box.width, h: box.height}; })"""
# what lies in a closed <details> is not visible, though older engines still give it a box
OPEN_CODE = """() => [...document.querySelectorAll('details.code pre')].filter(
  p => p.closest('details').open || (p.checkVisibility && p.checkVisibility({contentVisibilityAuto: true}))).length"""
CODE_CELLS = "() => [document.querySelectorAll('main .code_cell .input').length, document.querySelectorAll('main details.code').length]"
# the index: a word that is nowhere hides all rows, a heading sorts them and says so
SEARCH = """() => { const box = document.getElementById('search'), rows = [...document.querySelectorAll('tbody tr')];
  if (!box || !rows.length) return '';
  const say = word => { box.value = word; box.dispatchEvent(new Event('input')); return rows.filter(r => !r.hidden).length; };
  if (say('no run has such a name') !== 0) return 'the search hides nothing';
  if (say('') !== rows.length) return 'the search does not bring rows back';
  for (const head of document.querySelectorAll('thead th:last-child')) {
    const value = () => [...head.closest('table').tBodies[0].rows].map(r => parseFloat(r.cells[head.cellIndex].textContent));
    for (const sign of [1, -1]) {
      head.click();
      const v = value().filter(x => !isNaN(x));
      if (v.some((x, k) => k && sign*(x - v[k - 1]) < 0)) return `${head.textContent} is not sorted: ${v}`;
    }
    if (head.getAttribute('aria-sort') !== 'descending') return 'a heading does not say how it sorts';
  }
  return ''; }"""
OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"


def check(browser, path: Path, screenshots: Path | None) -> list[str]:
    "Faults of one page."
    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900})
    page, faults = context.new_page(), []

    def route(r):
        if r.request.url == path.as_uri(): return r.continue_()
        faults.append(f"tried to load {r.request.url[:200]}")
        r.abort()

    page.on("requestfailed", lambda r: faults.append(f"failed request {r.url[:200]}"))
    page.on("console", lambda m: faults.append(f"console {m.type}: {m.text[:300]}") if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda e: faults.append(f"script error: {e}"))
    context.route(lambda url: not url.startswith("data:"), route)
    page.goto(path.as_uri(), wait_until="load")
    page.wait_for_timeout(200)
    figures = page.evaluate(FIGURES)
    if not figures: faults.append("has no figure")
    faults += [f"figure not visible: {f['name']}" for f in figures if f["pixels"] == 0 or f["w"] < 8 or f["h"] < 8]
    if shown := page.evaluate(OPEN_CODE): faults.append(f"{shown} code cells are not folded")
    cells, folds = page.evaluate(CODE_CELLS)
    if cells != folds: faults.append(f"{cells} code cells but {folds} folds")
    if fault := page.evaluate(SEARCH): faults.append(fault)
    if screenshots: page.screenshot(path=screenshots / f"{path.parent.name}-{path.stem}.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 800})
    if (wider := page.evaluate(OVERFLOW)) > 1: faults.append(f"{wider} px wider than a phone")
    if screenshots: page.screenshot(path=screenshots / f"{path.parent.name}-{path.stem}-phone.png", full_page=True)
    context.close()
    print(f"{path.parent.name}/{path.name}: {len(figures)} figures, {folds} folded cells, {len(faults)} faults")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("--screenshots", type=Path, help="folder for pictures of the pages")
    args = parser.parse_args()
    missing = [p for p in args.reports if not p.is_file()]
    if missing:
        print(f"no such report: {missing[0]}", file=sys.stderr)
        return 2
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        print("SKIPPED: no Chromium here, the reports were not opened in a browser (apt-get install chromium)", file=sys.stderr)
        return 0
    from playwright.sync_api import sync_playwright
    if args.screenshots: args.screenshots.mkdir(parents=True, exist_ok=True)
    found = {}
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=FLAGS)  # its profile is a new temporary folder
        for path in args.reports: found[path] = check(browser, path.resolve(), args.screenshots)
        browser.close()
    for path, faults in found.items():
        for fault in faults: print(f"{path}: {fault}", file=sys.stderr)
    return int(any(found.values()))


if __name__ == "__main__": sys.exit(main())
