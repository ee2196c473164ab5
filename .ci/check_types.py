"""Type check the exported modules with pyrefly; its settings are in .ci/pyrefly.toml.

A class here grows over a notebook, by fastcore's `@patch` and by `Class.name = function`, which no type checker follows. So pyrefly reads a copy of
the package in which these methods stand in their classes, and every finding is named at its own line. Two more things that types cannot say are
written as what they are: `np.float32([...])` makes an array, and a setting that a design or a schedule fills in is never None.

usage: python .ci/check_types.py
"""
import ast
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KINDS = {"as_prop": "@property", "cls_method": "@classmethod"}
PLAIN = ((r"\bnp\.(?:float32|int32)\(\[", "np.asarray(["),
         (r'^(    \w+: \w+)\|None( = setting\(None, "(?:design|schedule): )', r"\1\2"))


def patched(node: ast.stmt) -> tuple[ast.expr, ast.expr] | None:
    "The `@patch` decorator of a function and the class that it patches."
    if not isinstance(node, ast.FunctionDef): return None
    for d in node.decorator_list:
        name = d.func if isinstance(d, ast.Call) else d
        first = (node.args.posonlyargs + node.args.args)[:1]
        if isinstance(name, ast.Name) and name.id == "patch" and first and first[0].annotation: return d, first[0].annotation
    return None


class Module:
    "A module as lines, each with the number of the line it comes from."
    def __init__(self, path: Path):
        self.text = path.read_text(encoding="utf-8")
        for form, plain in PLAIN: self.text = re.sub(form, plain, self.text, flags=re.M)
        self.tree, self.old = ast.parse(self.text), self.text.splitlines()
        self.classes = {n.name: n for n in self.tree.body if isinstance(n, ast.ClassDef)}
        self.functions = {n.name: n for n in self.tree.body if isinstance(n, ast.FunctionDef)}
        self.gone: set[int] = set()                            # lines that a class took over
        self.more: dict[str, list[tuple[str, int]]] = {}       # class -> lines at its end
        self.foreign: dict[str, list[str]] = {}                # class of another module -> names that this one patches into it

    def method(self, node: ast.FunctionDef, name: str, decorator: ast.expr | None = None):
        "Lines of a function as a method `name`."
        start = min([node.lineno] + [d.lineno for d in node.decorator_list])
        for number in range(start, node.end_lineno + 1):
            line = self.old[number - 1]
            if decorator and number == decorator.lineno:
                kind = next((KINDS[k.arg] for k in getattr(decorator, "keywords", [])), "")
                if kind: yield "    " + kind, number
                continue
            if number == node.lineno:
                note = (node.args.posonlyargs + node.args.args)[0].annotation
                if note and note.lineno == number: line = re.sub(r"\(\s*(\w+)\s*:\s*" + re.escape(ast.get_source_segment(self.text, note)), r"(\1", line, count=1)
                line = line.replace(f"def {node.name}(", f"def {name}(", 1)
            yield "    " + line, number

    def grow(self):
        "Methods move into the classes of this module; what belongs to a class of another module is only noted."
        for node in self.tree.body:
            if found := patched(node):
                decorator, cls = found
                name = cls.id if isinstance(cls, ast.Name) else cls.value if isinstance(cls, ast.Constant) else None
                if name not in self.classes:
                    self.foreign.setdefault(name, []).append(node.name)
                    continue
                self.more.setdefault(name, []).extend(self.method(node, node.name, decorator))
                self.gone |= set(range(min(d.lineno for d in node.decorator_list), node.end_lineno + 1))
            elif pairs := self.assigned(node):
                for cls, name, value in pairs:
                    lines = self.more.setdefault(cls, [])
                    if isinstance(value, ast.Call) and ast.unparse(value.func) == "property" and isinstance(value.args[0], ast.Name):
                        value = value.args[0]
                        lines.append(("    @property", node.lineno))
                    if isinstance(value, ast.Name) and value.id in self.functions: lines.extend(self.method(self.functions[value.id], name))
                    else: lines.append((f"    {name} = {ast.get_source_segment(self.text, value)}", node.lineno))
                self.gone |= set(range(node.lineno, node.end_lineno + 1))
            elif isinstance(node, ast.Assign):
                for t in getattr(node.targets[0], "elts", node.targets):
                    if isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name): self.foreign.setdefault(t.value.id, []).append(t.attr)

    def assigned(self, node: ast.stmt) -> list[tuple[str, str, ast.expr]]:
        "Class, name and value of `Class.name = value` and `Class.one, Class.two = one, two` with classes of this module."
        if not isinstance(node, ast.Assign): return []
        targets, values = node.targets, [node.value]
        if isinstance(targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple): targets, values = targets[0].elts, node.value.elts
        return [(t.value.id, t.attr, v) for t, v in zip(targets, values) if isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name) and t.value.id in self.classes]

    def lines(self, more: dict[str, list[str]]) -> list[tuple[str, int]]:
        "Lines of the copy; `more`: names that other modules patch into its classes, of which nothing else is known."
        ends = {n.end_lineno: n for n in self.classes.values()}
        out = [("from typing import Any as _Any", 1)]
        for number, line in enumerate(self.old, 1):
            if number not in self.gone: out.append((line, number))
            if number in ends:
                name = ends[number].name
                out += self.more.get(name, [])
                out += [(f"    {m}: _Any", number) for m in dict.fromkeys(more.get(name, []))]
        return out


def main() -> int:
    modules = {}
    for path in sorted((ROOT / "lanenb").rglob("*.py")):
        if path.name != "_modidx.py": modules[path.relative_to(ROOT)] = Module(path)
    foreign: dict[str, list[str]] = {}
    for module in modules.values():
        module.grow()
        for name, methods in module.foreign.items(): foreign.setdefault(name, []).extend(methods)
    with tempfile.TemporaryDirectory() as folder:
        numbers = {}
        for path, module in modules.items():
            lines, copy = module.lines(foreign), Path(folder) / path
            numbers[str(path)] = [n for _, n in lines]
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text("\n".join(line for line, _ in lines) + "\n", encoding="utf-8")
        shutil.copy(ROOT / ".ci" / "pyrefly.toml", folder)
        pyrefly = shutil.which("pyrefly", path=str(Path(sys.executable).parent)) or shutil.which("pyrefly")
        if pyrefly is None: raise SystemExit("pyrefly is not here: pip install -c constraints.txt -e '.[dev]'")
        done = subprocess.run([pyrefly, "check", "--config", "pyrefly.toml", "--python-interpreter-path", sys.executable, "--output-format", "json"],
                              cwd=folder, check=False, capture_output=True, text=True)
    try: errors = json.loads(done.stdout)["errors"]
    except (ValueError, KeyError):
        print(f"pyrefly said nothing that can be read: {done.stderr[-2000:]}", file=sys.stderr)
        return 2
    found = sorted({(e["path"], numbers[e["path"]][min(e["line"], len(numbers[e["path"]])) - 1], e["name"], e["description"].split("\n")[0])
                    for e in errors if e["severity"] == "error"})
    for path, line, name, text in found: print(f"{path}:{line}: {text} [{name}]", file=sys.stderr)
    print(f"{len(modules)} modules type checked, {sum(map(len, (m.gone for m in modules.values())))} lines of patched methods in their classes, {len(found)} findings")
    return int(bool(found))


if __name__ == "__main__": sys.exit(main())
