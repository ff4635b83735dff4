"""Runs every command of README.md and docs/, and compares the output with what is shown: `run.py [--show | --write] MUSTER [PAGE...]`.

Each page has a shell, a folder, a network and a process space of its own, so pages run side by side, on the ports that they name,
and nothing of them is left behind. For who writes a page: `--show` prints what comes instead of comparing it, `--write` puts it
into the page where a line of `?` stands. pages.py tells how pages are read.
"""

import concurrent.futures
import os
import pathlib
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import pages

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COMMAND_SECONDS_MAX = 90
RUN_SECONDS_MAX = 480
SIDE_BY_SIDE = 3
BEGAN = time.monotonic()


def interruptible():
    """A run in the background, or under nohup, hands on that Ctrl-C is ignored, and a shell cannot undo that."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Shell:
    """A page's shell. What it starts ends with it."""

    def __init__(self, muster, host):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="muster-docs-"))
        for part in ("bin", "log", "home/fleet"):
            (self.place / part).mkdir(parents=True)
        (self.place / "bin/muster").symlink_to(muster)
        environment = {
            "HOME": str(self.place / "home"),
            "PATH": f"{self.place}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "USER": os.environ.get("USER", "root"),
            "TMPDIR": str(self.place / "home"),
        }
        own = ["unshare", *(["--user", "--map-root-user"] if os.getuid() else []), "--fork", "--pid", "--kill-child", "--mount-proc"]
        alone = "" if host else "hostname box; ip link set lo up; "
        own += [] if host else ["--net", "--uts"]
        asks, self.told = os.pipe()
        self.done, tells = os.pipe()
        self.process = subprocess.Popen(
            [*own, "bash", "-c", f"{alone}exec bash --noprofile --norc"],
            stdin=asks, pass_fds=[tells], env=environment, cwd=self.place / "home/fleet", start_new_session=True,
            preexec_fn=interruptible,
        )
        os.close(asks)
        os.close(tells)
        self.tells, self.number, self.staying, self.until = tells, 0, [], BEGAN + RUN_SECONDS_MAX

    def say(self, line):
        os.write(self.told, (line + "\n").encode())

    def answer(self, seconds):
        """The next line that the shell tells, or None when the time is over."""
        text, end = b"", min(time.monotonic() + seconds, self.until)
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([self.done], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.done, 1) if ready else b""
            if not piece:
                return None
            text += piece
        return text.decode().strip()

    def run(self, step, patience=COMMAND_SECONDS_MAX):
        """Runs a command: its code (None: it took too long), its output, and whether more came behind what is shown."""
        self.number += 1
        command, output = self.place / f"log/{self.number}.sh", self.place / f"log/{self.number}.out"
        command.write_text(step.text + "\n")
        if step.stays:
            self.say(f"set -m; ( . {command} ) </dev/null >{output} 2>&1 {self.tells}>&- & set +m; echo $! >&{self.tells}")
            self.staying.append((step.text, self.answer(10)))
            code = 0
        else:
            self.say(f"{{ . {command}; }} </dev/null >{output} 2>&1 {self.tells}>&-; echo $? >&{self.tells}")
            told = self.answer(COMMAND_SECONDS_MAX)
            code = int(told) if told is not None else None
        read = lambda: output.read_text(errors="replace") if output.exists() else ""
        # What goes on in the background comes up in its own time.
        if step.stays or step.text.rstrip().endswith("&"):
            end = min(time.monotonic() + patience, self.until)
            while not pages.fits(step, read(), whole=False) and time.monotonic() < end:
                time.sleep(0.05)
            shown = read()
            if pages.fits(step, shown, whole=False) and not pages.fits(step, shown):
                # It said more since; what was shown has come.
                return code, shown, True
        return code, read(), False

    def end(self, words):
        """Ctrl-C for what stays and begins with these words; says whether there was any."""
        for at, (text, pid) in enumerate(self.staying):
            if text.startswith(words):
                del self.staying[at]
                self.say(f"kill -INT -- -{pid}; wait {pid}; echo $? >&{self.tells}")
                return self.answer(COMMAND_SECONDS_MAX) is not None
        return False

    def close(self):
        """Ends everything: the shell is the first process of its space, and the rest goes with it."""
        os.close(self.told)
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.done)
        shutil.rmtree(self.place, ignore_errors=True)


def has(need):
    """Whether what a block needs is here."""
    if need == "docker":
        return shutil.which("docker") is not None and subprocess.run(["docker", "version"], capture_output=True).returncode == 0
    return shutil.which(need) is not None


def run(muster, page, show=False, fill=None):
    """Runs a page: (commands run, outputs compared, skipped ones, findings)."""
    name = str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else page.name
    began, ran, compared, skipped, findings = time.monotonic(), 0, 0, [], []
    try:
        steps, host = pages.steps(name, page.read_text())
    except pages.PageError as error:
        return name, 0, 0, [], [str(error)], 0
    known, shell = {}, None
    try:
        for step in steps:
            place = f"{name}:{step.line}"
            missing = step.needs and not known.setdefault(step.needs, has(step.needs))
            if step.elsewhere or missing:
                skipped.append((place, step.elsewhere or f"needs {step.needs}", bool(missing), step.text.split("\n")[0]))
                continue
            shell = shell or Shell(muster, host)
            if step.kind == "file":
                (shell.place / "home/fleet" / step.shown[0]).write_text(step.text)
                continue
            if step.kind == "ends":
                if not shell.end(step.text):
                    findings.append(f"{place}: nothing that stays begins with '{step.text}'")
                continue
            code, output, more = shell.run(step, 3 if show or fill is not None else COMMAND_SECONDS_MAX)
            ran += 1
            if fill is not None and step.shown == ["?"]:
                fill[step.line + step.text.count("\n")] = output.replace("\r", "").rstrip("\n").split("\n")
                continue
            if show:
                print(f"$ {step.text}\n{output}", end="" if output.endswith("\n") or not output else "\n", flush=True)
                if code != step.code:
                    print(f"[{place}: {code}]", flush=True)
                if code is None:
                    break
                continue
            if code is None:
                findings.append(f"{place}: not over within {COMMAND_SECONDS_MAX} s, or {RUN_SECONDS_MAX} s of the run: {step.text}\n{quoted(output)}")
                break
            if code != step.code:
                findings.append(f"{place}: exit code {code}, not {step.code}: {step.text}\n{quoted(output)}")
            elif not more and not pages.fits(step, output):
                findings.append(f"{place}: another output: {step.text}\n  shown:\n{quoted(chr(10).join(step.shown))}\n  came:\n{quoted(output)}")
            compared += step.shown is not None
    finally:
        if shell:
            shell.close()
    return name, ran, compared, skipped, findings, time.monotonic() - began


def quoted(text):
    """A text as a finding shows it, the end of it where it is long."""
    return "".join(f"    | {line}\n" for line in text.rstrip("\n").split("\n")[-40:])


def main(arguments):
    show, write = arguments[:1] == ["--show"], arguments[:1] == ["--write"]
    arguments = arguments[show or write :]
    muster = pathlib.Path(arguments[0]).resolve()
    chosen = [pathlib.Path(page).resolve() for page in arguments[1:]]
    chosen = chosen or [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if show:
        for page in chosen:
            run(muster, page, show=True)
        return 0
    if write:
        for page in chosen:
            fill = {}
            for finding in run(muster, page, fill=fill)[4]:
                print(finding)
            lines = page.read_text().split("\n")
            for at in sorted(fill, reverse=True):
                indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
                lines[at : at + 1] = [indent + line if line else "" for line in fill[at]]
            page.write_text("\n".join(lines))
        return 0
    ran = compared = 0
    skipped, findings = [], []
    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for name, ran_here, compared_here, skipped_here, found, seconds in pool.map(lambda page: run(muster, page), chosen):
            print(f"{'ok' if not found else 'WRONG':6}{name}: {ran_here} commands, {seconds:.0f} s", flush=True)
            ran, compared = ran + ran_here, compared + compared_here
            skipped += skipped_here
            findings += found
    for place, why, _, text in skipped:
        print(f"not run, {why}: {place}: {text}")
    for finding in findings:
        print(finding)
    missing = [place for place, _, missing, _ in skipped if missing]
    refused = missing and os.environ.get("MUSTER_REQUIRE_ALL") == "1"
    if refused:
        print("MUSTER_REQUIRE_ALL=1, and this machine lacks what is needed for: " + ", ".join(missing))
    print(f"{len(chosen)} pages: {ran} commands run, {compared} outputs compared, {len(skipped)} not run, {len(findings)} wrong")
    return 1 if findings or refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
