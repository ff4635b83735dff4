"""What the dashboard costs a browser, as one JSON line on standard output: `pages.py MUSTER FOLDER [--smoke]`.

First the bytes and the time of a first view; then what a page holds that stays open while members and jobs come and go; then frames while long
lists scroll, beside those of a page with nothing on it. What goes on is told on standard error.
"""

import json
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

muster, folder, *rest = sys.argv[1:]
SMOKE = rest == ["--smoke"]
VIEWS = 2 if SMOKE else 15
EVENTS = 3_000 if SMOKE else 100_000
POINTS = 10
LENGTH = 300 if SMOKE else 10_000
SCROLLS = 1 if SMOKE else 5
processes, drivers, figures = [], [], {}


def say(text):
    print(text, file=sys.stderr, flush=True)


def until(what, look, seconds=120):
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            sys.exit(f"not within {seconds} s: {what}")
        time.sleep(0.02)
    return found


# MARK: Fleets


class Fleet:
    def __init__(self, role, name, *arguments):
        self.data, log = f"{folder}/{name}", f"{folder}/{name}.log"
        command = [muster, role, "--data", self.data, "--log-level", "warning", "--port", "0", *arguments]
        self.process = subprocess.Popen(command, stdout=open(log, "w"), stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        processes.append(self.process)
        self.url = until("it listens", lambda: re.search(r"^listening on (\S+)", open(log).read(), re.M))[1]
        self.port = int(self.url.rsplit(":", 1)[1])
        self.token = open(f"{self.data}/coordinator/admin.token").read().strip()
        self.line = Line(self)

    def ask(self, method, path, body=None):
        return Line(self).ask([(method, path, body)])[0]

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Line:
    """One kept-alive connection, with many requests on their way at a time."""

    AT_ONCE = 50

    def __init__(self, fleet):
        self.socket = socket.create_connection(("127.0.0.1", fleet.port))
        self.file = self.socket.makefile("rb")
        self.head = f"Host: 127.0.0.1:{fleet.port}\r\nAuthorization: Bearer {fleet.token}\r\n"

    def ask(self, requests):
        answers = []
        for first in range(0, len(requests), self.AT_ONCE):
            some = requests[first : first + self.AT_ONCE]
            text = ""
            for method, path, body in some:
                body = "" if body is None else json.dumps(body)
                text += f"{method} {path} HTTP/1.1\r\n{self.head}Content-Length: {len(body)}\r\n\r\n{body}"
            self.socket.sendall(text.encode())
            answers += [self.answer(request) for request in some]
        return answers

    def answer(self, request):
        status, length = int(self.file.readline().split()[1]), 0
        while (line := self.file.readline()) != b"\r\n":
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = self.file.read(length)
        if not 200 <= status < 300:
            sys.exit(f"{request} is answered {status} {body[:300]}")
        return json.loads(body) if body else None


class Meter:
    """Hands on what browsers and a coordinator say to each other, and counts the bytes: all of them, whichever part of a page asks."""

    def __init__(self, port):
        self.port, self.down, self.up = port, 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            browser, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.port))
            for one in (browser, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, target, name in ((browser, server, "up"), (server, browser, "down")):
                threading.Thread(target=self.carry, args=(source, target, name), daemon=True).start()

    def carry(self, source, target, name):
        try:
            while piece := source.recv(65536):
                setattr(self, name, getattr(self, name) + len(piece))
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


# MARK: Browsers

# The moment when the first job of the page was painted: the frame after the one that has it.
USEFUL = """
const seen = new MutationObserver(() => {
  if (!document.querySelector('main ul.jobs li')) return;
  seen.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.usefulAt = performance.now(); }));
});
seen.observe(document, { childList: true, subtree: true });
"""


def browser():
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,900", f"--user-data-dir={folder}/profile-{len(drivers)}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    drivers.append(driver)
    driver.set_script_timeout(150)
    return driver


def enter(driver, fleet, url=None):
    driver.get((url or fleet.url) + fleet.ask("POST", "/v1/sign-in-links")["path"])
    is_live(driver)


def is_live(driver):
    until("the page is live", lambda: driver.execute_script("return document.querySelector('#line')?.textContent") == "live")


# What the page knows: its own modules, which a script may ask for again.
KNOWS = """
const done = arguments[0];
import('/window/fleet.js').then(({ fleet }) => done([fleet.members.size, fleet.order.length, fleet.doing.size, fleet.jobs.size]));
"""

# MARK: What is measured


def first_view():
    """`muster up` with four workers and ten jobs; each view by a browser that has been signed in and kept nothing else."""
    fleet = Fleet("up", "first", "--workers", "4", "--edges", "0")
    until("all workers are there", lambda: sum(one["role"] == "worker" for one in fleet.ask("GET", "/v1/members")["members"]) == 4)
    for _ in range(10):
        fleet.ask("POST", "/v1/jobs", {"kernel": "sleep", "count": 1000, "params": {"ms": 200}})
    driver, meter = browser(), Meter(fleet.port)
    sizes, times = [], []
    for url, target in ((meter.url, sizes), (fleet.url, times)):
        enter(driver, fleet, url)
        driver.execute_cdp_cmd("Page.enable", {})
        driver.execute_cdp_cmd("Network.enable", {})
        script = driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": USEFUL})
        for _ in range(VIEWS):
            driver.get("about:blank")
            driver.execute_cdp_cmd("Network.clearBrowserCache", {})
            time.sleep(0.3)
            before = meter.down
            driver.get(url + "/")
            useful = until("a job is painted", lambda: driver.execute_script("return window.usefulAt"))
            # What comes behind it belongs to the view, too: icons, the rest of the scripts.
            if url == meter.url:
                is_live(driver)
                until("nothing more is loaded", lambda: driver.execute_script("return document.readyState") == "complete")
                time.sleep(0.1)
            target.append(meter.down - before if url == meter.url else useful)
        driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    figures["first_bytes"] = max(sizes)
    figures["useful_ms"], figures["useful_ms_p95"] = statistics.median(times), sorted(times)[int(len(times) * 0.95)]
    say(f"first view: {max(sizes)} bytes; useful after {[round(one) for one in times]} ms")
    driver.quit()
    fleet.stop()


def staying_open():
    """Members and jobs come and go; what the page holds is read where nothing of them is left."""
    fleet = Fleet("coordinator", "open", "--silence-seconds", "3600")
    for place in range(20):
        fleet.ask("POST", "/v1/members", {"name": f"stays-{place}", "role": "client"})
        fleet.ask("POST", "/v1/jobs", {"kernel": "noop", "count": 5, "name": f"stays {place}"})
    driver = browser()
    enter(driver, fleet)
    driver.execute_cdp_cmd("HeapProfiler.enable", {})
    driver.execute_cdp_cmd("Performance.enable", {})
    heaps, nodes, told = [], [], 0
    for point in range(1, POINTS + 1):
        for part in ("overview", "members", "jobs", "system"):
            driver.get(f"{fleet.url}/#/{part}")
            while told < EVENTS * point / POINTS - (EVENTS / POINTS / 4) * (3 - ("overview", "members", "jobs", "system").index(part)):
                told += churn(fleet, told)
        driver.get(f"{fleet.url}/#/overview")
        wanted = [len(fleet.ask("GET", "/v1/members")["members"])] * 2 + [0, 20]
        until(f"the page knows {wanted} and nothing of what is gone", lambda: driver.execute_async_script(KNOWS) == wanted)
        for _ in range(3):
            driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
        metrics = {one["name"]: one["value"] for one in driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]}
        heaps.append(metrics["JSHeapUsedSize"])
        nodes.append(metrics["Nodes"])
        say(f"{told} events: heap {heaps[-1] / 1e6:.2f} MB, {nodes[-1]:.0f} nodes, {metrics['JSEventListeners']:.0f} listeners")
    # The first points fill what is bounded: the list of events, the curve.
    figures["open_events"], figures["heap_mb"], figures["nodes"] = told, heaps[-1] / 1e6, nodes[-1]
    third = max(1, (POINTS - 1) // 3)
    early, late = (lambda list: statistics.mean(list[1 : 1 + third])), (lambda list: statistics.mean(list[-third:]))
    figures["heap_growth"], figures["nodes_growth"] = late(heaps) / early(heaps) - 1, late(nodes) / early(nodes) - 1
    if figures["heap_growth"] > 0.25 or figures["nodes_growth"] > 0.25:
        sys.exit(f"a page that stays open grows: heap {heaps}, nodes {nodes}")
    driver.quit()
    fleet.stop()


def churn(fleet, told):
    """Some members that join and leave, some jobs that are asked for, cancelled and forgotten. Returns how many events that makes."""
    some = 40
    joined = fleet.line.ask([("POST", "/v1/members", {"name": f"guest-{told}-{one}", "role": "client"}) for one in range(some)])
    jobs = fleet.line.ask([("POST", "/v1/jobs", {"kernel": "noop", "count": 3, "name": f"goes {told} {one}"}) for one in range(some)])
    fleet.line.ask([("DELETE", f"/v1/members/{one['id']}", None) for one in joined])
    fleet.line.ask([("DELETE", f"/v1/jobs/{one['id']}", None) for one in jobs])
    fleet.line.ask([("POST", f"/v1/jobs/{one['id']}/forget", None) for one in jobs])
    # Joined, gone, ended, forgotten.
    return 4 * some


FRAMES = """
window.frames_ = [];
let last = 0;
const step = time => { if (last) window.frames_.push(time - last); last = time; window.isStepping && requestAnimationFrame(step); };
window.isStepping = true;
requestAnimationFrame(step);
"""


def scrolled(driver, selector):
    """Intervals between frames while the wheel turns over an element, and what the page's thread computed meanwhile, in milliseconds."""
    box = driver.execute_script("const box = document.querySelector(arguments[0]).getBoundingClientRect(); return [box.x + box.width / 2, box.y + Math.min(box.height, 400) / 2]", selector)
    used = computed(driver)
    driver.execute_script(FRAMES)
    before = driver.execute_script("return document.querySelector(arguments[0]).scrollTop", selector)
    driver.execute_cdp_cmd(
        "Input.synthesizeScrollGesture",
        {"x": box[0], "y": box[1], "yDistance": -6000, "speed": 3000, "gestureSourceType": "mouse", "preventFling": True},
    )
    frames = driver.execute_script("window.isStepping = false; return window.frames_")
    moved = driver.execute_script("return document.querySelector(arguments[0]).scrollTop", selector) - before
    if moved < 1000:
        sys.exit(f"the wheel moved {selector} by {moved} pixels only")
    return frames, computed(driver) - used


def computed(driver):
    """Milliseconds of a processor, which a busy machine does not change much."""
    return next(one["value"] * 1000 for one in driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"] if one["name"] == "TaskDuration")


EMPTY = "data:text/html,<div id=long style='height:560px;overflow:auto'><div style='height:400000px'></div></div>"


def scrolling():
    fleet = Fleet("coordinator", "long", "--silence-seconds", "3600")
    fleet.line.ask([("POST", "/v1/members", {"name": f"member-{one}", "role": "client"}) for one in range(LENGTH)])
    fleet.line.ask([("POST", "/v1/jobs", {"kernel": "noop", "count": 100, "name": f"job {one}"}) for one in range(LENGTH)])
    driver = browser()
    enter(driver, fleet)
    driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    frames, busy = {"empty": [], "members": [], "jobs": []}, {"empty": 0, "members": 0, "jobs": 0}
    for _ in range(SCROLLS):
        for name in frames:
            driver.get(EMPTY if name == "empty" else "about:blank")
            if name != "empty":
                driver.get(f"{fleet.url}/#/{name}")
                is_live(driver)
                until("the list is there", lambda: driver.execute_script("return document.querySelectorAll('main .line').length") > 10)
                time.sleep(0.5)
            some, used = scrolled(driver, "#long" if name == "empty" else "main .body")
            frames[name] += some
            busy[name] += used
    for name, list in frames.items():
        figures[f"{name}_fps"], figures[f"{name}_computed_ms"] = 1000 / statistics.mean(list), busy[name] / len(list)
        figures[f"{name}_frame_ms"], figures[f"{name}_frame_ms_p95"] = statistics.median(list), sorted(list)[int(len(list) * 0.95)]
        say(f"{name}: {len(list)} frames, {figures[f'{name}_fps']:.1f}/s, median {statistics.median(list):.1f} ms, p95 {figures[f'{name}_frame_ms_p95']:.1f} ms, computed {busy[name] / len(list):.1f} ms a frame")
    figures["length"] = LENGTH
    driver.quit()
    fleet.stop()


try:
    for part in (first_view, staying_open, scrolling):
        part()
    print(json.dumps(figures))
finally:
    for one in drivers:
        try:
            one.quit()
        except Exception:
            pass
    for process in processes:
        if process.poll() is None:
            process.terminate()
            process.wait()
