"""What the pages show: their blocks, the commands in these, and whether an output is the one shown.

A block of commands is fenced as `console`: `$ ` begins a command, `> ` goes on with it, and what follows is its whole output,
standard error included, as a terminal shows it. A line of `…` alone stands for any lines, `…` in a line for any text. What readers
need not see stands in comments, each on a line of its own, before a block:

    <!-- varies: 4.66 | 36,982 -->   these words of the output are others each time
    <!-- exit: 64 -->                the block's last command ends with this code; all others end with 0
    <!-- stays -->                   the block's only command goes on; it has come up when the output shown is there
    <!-- needs: docker -->           run where there is such a program (docker: an engine that answers)
    <!-- elsewhere: why -->          never run: it takes another machine
    <!-- file: NAME -->              what this block holds, in whatever language, is put into that file
    <!-- run: COMMAND -->            run at this place and not shown
    <!-- ends: WORDS -->             Ctrl-C for the command that stays and begins with these words
    <!-- page: host -->              the page's commands need the network of this machine, not one of their own
    <!-- page: varies a | b -->      these words are others each time in all outputs of the page

Moments, durations, rates and random names (`2026-01-31 12:00:00`, `4.66 ms`, `1.2k/s`, 24 hexadecimal digits or more) stand for any
others. Lines that tell how far something is (`2 of 5 (40%), …, 1.2 s elapsed`), which a terminal replaces, are passed over.
"""

import re
from dataclasses import dataclass, field

DATA = {"text", "json", "yaml", "python", "toml", "html", "ini", "javascript", "nginx"}
SHAPES = [
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z?",
    r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
    r"(?<![\w.])[\d.,]+k? ?/(?:s|min|h)(?!\w)",
    r"(?<![\w.])[\d.,]+ (?:µs|ms|s|min|h)(?!\w)",
    r'"seconds":[\d.e-]+',
    r"(?<![0-9a-f])[0-9a-f]{24,64}(?![0-9a-f])",
]
PROGRESS = re.compile(r".*: [\d,]+ of [\d,]+ \(\d+%\), .* elapsed$")
DIRECTIVE = re.compile(r"<!-- (\w+)(?:: (.*?))? -->$")
KNOWN = {"varies", "exit", "stays", "needs", "elsewhere", "file", "run", "ends", "page"}


@dataclass
class Step:
    """One thing to do: run a command, put a file there, or end what stays."""

    line: int
    kind: str  # run, file, ends
    text: str
    shown: list[str] | None = None  # None: whatever comes will do
    code: int = 0
    stays: bool = False
    needs: str = ""
    elsewhere: str = ""
    varies: list[str] = field(default_factory=list)


class PageError(Exception):
    """A page that cannot be read as one; the message names page and line."""


def steps(name, text):
    """The steps of a page and whether it needs this machine's network."""
    found, marks, host, always, lines, at = [], {}, False, [], text.splitlines(), 0
    while at < len(lines):
        line = lines[at].strip()
        at += 1
        if match := DIRECTIVE.match(line):
            key, value = match[1], match[2] or ""
            if key not in KNOWN:
                raise PageError(f"{name}:{at}: '{key}' is no mark; known are {', '.join(sorted(KNOWN))}")
            if key == "run":
                found.append(Step(at, "run", value))
            elif key == "ends":
                found.append(Step(at, "ends", value))
            elif key == "page":
                host = host or value == "host"
                always += words(value.removeprefix("varies ")) if value.startswith("varies ") else []
            else:
                marks[key] = value
        elif line.startswith("```"):
            language, begin, indent = line[3:].strip(), at, len(lines[at - 1]) - len(lines[at - 1].lstrip())
            while at < len(lines) and lines[at].strip() != "```":
                at += 1
            if at == len(lines):
                raise PageError(f"{name}:{begin}: this block does not end")
            body = [part[indent:] if part[:indent].isspace() or not indent else part for part in lines[begin:at]]
            at += 1
            if language == "console":
                found += commands(name, begin, body, marks, always)
            elif "file" in marks:
                found.append(Step(begin, "file", "\n".join(body) + "\n", shown=[marks["file"]]))
            elif language not in DATA:
                raise PageError(f"{name}:{begin}: a block of '{language}'; commands are 'console', data {sorted(DATA)}")
            marks = {}
        elif lines[at - 1].startswith("    ") and not line.startswith(("-", "*", "|")) and blank_before(lines, at - 1):
            raise PageError(f"{name}:{at}: an indented block, which nobody runs; fence it")
        elif line and marks:
            raise PageError(f"{name}:{at}: a mark ({', '.join(marks)}) with no block behind it")
    return found, host


def blank_before(lines, at):
    """Whether a line begins a block of its own, at the top and not inside a list."""
    if not at or lines[at - 1].strip():
        return False
    for line in reversed(lines[:at]):
        if line.strip() and not line.startswith(" "):
            return not re.match(r"([-*]|\d+\.) ", line)
    return True


def words(text):
    """What stands between bars."""
    return [word.strip() for word in text.split("|") if word.strip()]


def commands(name, begin, body, marks, always):
    """The commands of one block, with what is shown below each."""
    found = []
    for offset, line in enumerate(body):
        if line.startswith("$ "):
            found.append(
                Step(
                    begin + offset + 1,
                    "run",
                    line[2:],
                    shown=[],
                    needs=marks.get("needs", ""),
                    elsewhere=marks.get("elsewhere", ""),
                    varies=always + words(marks.get("varies", "")),
                )
            )
        elif not found:
            raise PageError(f"{name}:{begin + offset + 1}: a block of commands begins with '$ '")
        elif line.startswith("> ") or line == ">":
            found[-1].text += "\n" + line[2:]
        else:
            found[-1].shown.append(line)
    if not found:
        raise PageError(f"{name}:{begin}: a block of commands without one")
    found[-1].code = int(marks.get("exit", 0))
    if "stays" in marks:
        if len(found) > 1:
            raise PageError(f"{name}:{begin}: what stays is the only command of its block")
        found[-1].stays = True
    return found


def plain(text):
    """A text as it is compared: lines without what a terminal does not show, any white space as one space."""
    lines = [" ".join(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line).split()) for line in text.replace("\r", "").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def pattern(shown, varies, whole=True):
    """What an output must look like; `whole`: with nothing behind it."""
    parts = []
    others = [rf"(?<!\w){re.escape(word)}(?!\w)" for word in sorted(varies, key=len, reverse=True)]
    anything = re.compile("(" + "|".join(["…", *others, *SHAPES]) + ")")
    for line in plain("\n".join(shown)):
        if line == "…":
            parts.append(r"(?:.*\n)*?")
            continue
        for at, piece in enumerate(anything.split(line)):
            shape = next((shape for shape in SHAPES if re.fullmatch(shape, piece)), ".+?")
            parts.append(re.escape(piece) if at % 2 == 0 else ".*?" if piece == "…" else f"(?:{shape})")
        parts.append(r"\n")
    return re.compile("".join(parts) + ("" if whole else r"(?s:.*)"))


def fits(step, output, whole=True):
    """Whether an output is the one that a step shows."""
    if step.shown is None:
        return True
    lines = [line for line in plain(output) if not PROGRESS.match(line)]
    return pattern(step.shown, step.varies, whole).fullmatch("".join(line + "\n" for line in lines)) is not None
