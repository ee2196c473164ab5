"""Check the site that `make site` built: every link and picture on disk, then its pages in headless Chromium with the network off.

usage: python .ci/check_site.py [--screenshots DIR] [--few] [SITE]     SITE: _site; --few: a page of each room in the browser, not all

In the browser: nothing is loaded from elsewhere, no console error, pictures visible, every formula drawn, no page wider than a phone. A word is
searched and a hit is followed, from the folder and from a web server, where the hits also show an excerpt.
"""
import argparse
import functools
import http.server
import shutil
import sys
import threading
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from check_report import FIGURES, FLAGS, OVERFLOW

ROOT = Path(__file__).resolve().parents[1]
WORD, STEM, NOWHERE = "tokenizer", "token", "qzxqzxqzx"      # a search is for stems
FORMULAS = """() => ({asked: document.querySelectorAll('.math').length, drawn: document.querySelectorAll('.math mjx-container > svg').length,
  wrong: [...document.querySelectorAll('[data-mml-node="merror"]')].map(e => e.closest('.math').textContent.slice(0, 80))})"""
HITS = "() => [...document.querySelectorAll('ul.search > li')].map(li => [li.querySelector('a').href, Boolean(li.querySelector('p.context'))])"
DONE = """() => { const p = document.querySelector('.search-summary'); if (!p || p.textContent.includes('earching')) return false;
  return document.querySelectorAll('ul.search > li').length >= Number((p.textContent.match(/\\d+/) || [0])[0]); }"""
# pictures wait for their turn to be seen; here they are all needed at once
LOADED = "() => Promise.all([...document.images].map(i => { i.loading = 'eager'; return i.decode().catch(() => {}); }))"


class Page(HTMLParser):
    "Links, resources and anchors of a page."
    def __init__(self, path: Path):
        super().__init__()
        self.links, self.loads, self.ids, self.formulas = [], [], set(), 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.ids |= {a[k] for k in ("id", "name") if a.get(k)}
        self.formulas += "math" in (a.get("class") or "").split()
        if tag == "a" and a.get("href"): self.links.append(a["href"])
        for key in ("src", "poster", *(["href"] if tag == "link" else [])):
            if a.get(key) and not a[key].startswith("data:"): self.loads.append(a[key])


def on_disk(site: Path) -> tuple[dict[Path, Page], list[str]]:
    "Every page, and the links and resources that lead nowhere."
    pages, faults = {p: Page(p) for p in sorted(site.rglob("*.html"))}, []
    for path, page in pages.items():
        name = path.relative_to(site)
        faults += [f"{name}: loads {u[:120]} from elsewhere" for u in page.loads if urlsplit(u).scheme or u.startswith("//")]
        for link in page.links + page.loads:
            url = urlsplit(link)
            if url.scheme or link.startswith("//"): continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            if not target.is_file(): faults.append(f"{name}: {link[:120]} leads nowhere")
            elif url.fragment and target in pages and unquote(url.fragment) not in pages[target].ids: faults.append(f"{name}: {link[:120]} has no such anchor")
    return pages, faults


class Browser:
    "Pages of one site, from `base`, with the rest of the world out of reach; `faults` grows."
    def __init__(self, chromium, base: str, offline: bool):
        self.base, self.faults, self.at = base, [], ""
        self.context = chromium.new_context(offline=offline, viewport={"width": 1280, "height": 900})
        self.page = self.context.new_page()
        self.page.on("requestfailed", lambda r: self.say(f"failed request {r.url[:160]}"))
        self.page.on("console", lambda m: self.say(f"console {m.type}: {m.text[:300]}") if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda e: self.say(f"script error: {e}"))
        self.context.route(lambda url: not url.startswith(("data:", "blob:")), self.route)

    def say(self, fault: str): self.faults.append(f"{self.at}: {fault}")

    def route(self, r):
        if r.request.url.startswith(self.base): return r.continue_()
        self.say(f"tried to load {r.request.url[:160]}")
        r.abort()

    def open(self, name: str):
        self.at = name
        self.page.goto(self.base + name, wait_until="load")
        self.page.evaluate(LOADED)

    def look(self, formulas: int) -> tuple[int, int]:
        "Pictures and formulas of the open page, at the width of a desk and of a phone."
        if formulas: self.page.evaluate("() => MathJax.startup.promise")
        drawn, figures = self.page.evaluate(FORMULAS), self.page.evaluate(FIGURES)
        if drawn["asked"] != drawn["drawn"]: self.say(f"{drawn['asked']} formulas, {drawn['drawn']} drawn")
        for text in drawn["wrong"]: self.say(f"a formula is wrong: {text}")
        for f in figures:
            if f["pixels"] == 0 or f["w"] < 8 or f["h"] < 8: self.say(f"picture not visible: {f['name']}")
        self.page.set_viewport_size({"width": 390, "height": 800})
        if (wider := self.page.evaluate(OVERFLOW)) > 1: self.say(f"{wider} px wider than a phone")
        self.page.set_viewport_size({"width": 1280, "height": 900})
        return len(figures), drawn["drawn"]

    def search(self, excerpts: bool) -> int:
        "Type a word into the box of the first page, follow the first hit; a word that is nowhere finds nothing. The number of hits."
        self.open("index.html")
        self.page.fill("input[name=q]", WORD)
        self.page.press("input[name=q]", "Enter")
        self.page.wait_for_url("**/search.html?*")
        self.at = "search"
        self.page.wait_for_function(DONE, timeout=30_000)
        hits = self.page.evaluate(HITS)
        if not hits: self.say(f"the search for {WORD} finds nothing")
        if excerpts:
            self.page.wait_for_function("() => document.querySelector('ul.search p.context')", timeout=30_000)
            self.page.wait_for_load_state("networkidle", timeout=60_000)      # a click would cut off the excerpts that are still on their way
        elif any(shown for _, shown in hits): self.say("a page opened from a folder showed an excerpt: who fetched it?")
        if hits:
            self.page.click("ul.search > li a")
            self.page.wait_for_load_state("load")
            if STEM not in self.page.inner_text("body").lower(): self.say(f"the first hit, {self.page.url}, does not have the word {WORD}")
        self.page.goto(f"{self.base}search.html?q={NOWHERE}")
        self.page.wait_for_function(DONE, timeout=30_000)
        if self.page.evaluate(HITS): self.say(f"the search for {NOWHERE} finds something")
        return len(hits)

    def walk(self):
        "From the first page over the contents to a room and to its first notebook, by clicks."
        self.open("index.html")
        room = self.page.evaluate("() => document.querySelector('.sidebar-tree a.reference.internal').href")
        self.page.click(".sidebar-tree a.reference.internal")
        self.page.wait_for_url(room)
        notebook = self.page.evaluate("() => document.querySelector('article li a.reference.internal').href")
        self.page.click("article li a.reference.internal")
        self.page.wait_for_url(notebook)
        if not self.page.query_selector(".cell"): self.say(f"{notebook} shows no cell")


def in_browser(chromium, site: Path, pages: dict[Path, Page], few: bool, screenshots: Path | None) -> list[str]:
    from_folder = Browser(chromium, site.as_uri() + "/", offline=True)
    from_folder.walk()
    hits, seen, rooms = from_folder.search(excerpts=False), Counter(), set()
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        if name in ("search.html", "genindex.html") or (few and path.parent in rooms and not path.name.startswith("index")): continue
        if not path.name.startswith("index"): rooms.add(path.parent)
        from_folder.open(name)
        figures, formulas = from_folder.look(page.formulas)
        seen.update(pages=1, figures=figures, formulas=formulas)
    if screenshots: shots(from_folder, screenshots, max(pages, key=lambda p: pages[p].formulas).relative_to(site).as_posix())
    print(f"in the browser: {seen['pages']} pages, {seen['figures']} pictures, {seen['formulas']} formulas, {hits} hits for {WORD}")
    return from_folder.faults


def shots(browser: Browser, folder: Path, page: str):
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("index.html", page, f"search.html?q={WORD}"):
        for width, kind in ((1280, "desk"), (390, "phone")):
            browser.page.set_viewport_size({"width": width, "height": 900})
            browser.open(name)
            browser.page.wait_for_timeout(500)
            browser.page.screenshot(path=folder / f"site-{name.split('.')[0].replace('/', '-')}-{kind}.png")


def served(chromium, site: Path) -> list[str]:
    "The search again from a web server on this machine."
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format, *args): pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        browser = Browser(chromium, f"http://127.0.0.1:{server.server_port}/", offline=False)
        browser.search(excerpts=True)
    finally: server.shutdown()
    return browser.faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", nargs="?", type=Path, default=ROOT / "_site")
    parser.add_argument("--few", action="store_true", help="a page of each room in the browser")
    parser.add_argument("--screenshots", type=Path, help="folder for pictures of the pages")
    args = parser.parse_args()
    site = args.site.resolve()
    if not (site / "index.html").is_file():
        print(f"no site in {args.site}: make site", file=sys.stderr)
        return 2
    pages, faults = on_disk(site)
    print(f"on disk: {len(pages)} pages, {sum(len(p.links) + len(p.loads) for p in pages.values())} links and resources, {len(faults)} faults")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None: print("SKIPPED: no Chromium here, the site was not opened in a browser (apt-get install chromium)", file=sys.stderr)
    else:
        from playwright.sync_api import sync_playwright
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=chromium, args=FLAGS)
            faults += in_browser(browser, site, pages, args.few, args.screenshots) + served(browser, site)
            browser.close()
    for fault in faults: print(fault, file=sys.stderr)
    return int(bool(faults))


if __name__ == "__main__": sys.exit(main())
