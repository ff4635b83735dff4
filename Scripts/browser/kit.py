"""What trials of the pages are made of: fleets, browsers, and how a page is looked at. The program that is run has as its arguments
`MUSTER AXE FOLDER PICTURES`."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

muster, axe_path, folder, pictures = sys.argv[1:5]
AXE = open(axe_path).read()
WIDTHS = {"wide": (1280, 900), "phone": (360, 740)}
processes, drivers = [], []


def say(text):
    print(text, flush=True)


def expect(what, is_so, seen=""):
    say(("ok: " if is_so else "NOT: ") + what)
    if not is_so:
        sys.exit(f"seen: {seen}")


# MARK: Fleets


class Fleet:
    def __init__(self, role, name, *arguments, port=0):
        self.data = f"{folder}/{name}"
        self.log = f"{folder}/{name}.log"
        self.command = [muster, role, "--data", self.data, "--log-level", "notice", *arguments]
        self.start(port)

    def start(self, port):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [*self.command, "--port", str(port)], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        processes.append(self.process)
        self.url = until("it listens", lambda: re.search(r"^listening on (\S+)", open(self.log).read(), re.M))[1]
        self.port = int(self.url.rsplit(":", 1)[1])

    def token(self, kind):
        return open(f"{self.data}/coordinator/{kind}.token").read().strip()

    def run(self, *arguments, text=None):
        environment = {**os.environ, "MUSTER_TOKEN": self.token("admin"), "MUSTER_URL": self.url}
        return subprocess.run(
            [muster, *arguments, "--coordinator", self.url], env=environment, input=text, text=True, check=True, capture_output=True
        ).stdout

    def ask(self, method, path, body=None):
        request = urllib.request.Request(self.url + path, method=method, data=body and json.dumps(body).encode())
        request.add_header("Authorization", "Bearer " + self.token("admin"))
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


def until(what, look, seconds=90):
    end = time.monotonic() + seconds
    while True:
        try:
            found = look()
        except (WebDriverException, OSError):
            found = None
        if found:
            return found
        if time.monotonic() > end:
            seen = text(drivers[-1])[:600] if drivers else ""
            sys.exit(f"NOT within {seconds} s: {what}; the last browser shows: {seen}")
        time.sleep(0.05)


# MARK: Browsers


def browser(*arguments, scripts=True):
    options = webdriver.ChromeOptions()
    profile = tempfile.mkdtemp(dir=folder)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", *arguments):
        options.add_argument(argument)
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    drivers.append(driver)
    # A machine shared with others stops for a while at times.
    driver.set_script_timeout(150)
    return driver


def text(driver, selector="body"):
    return driver.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)


def sees(driver, words, selector="body", seconds=90):
    until(f"{words!r} in {selector} of {driver.current_url}", lambda: words in text(driver, selector), seconds)


def show(driver, fleet, part):
    def is_there():
        # A sign-in that was still on its way leads to the first page.
        if not driver.current_url.endswith(f"/#/{part}"):
            driver.get(f"{fleet.url}/#/{part}")
        return text(driver, "#line") == "live" and text(driver, "h1")

    driver.get(f"{fleet.url}/#/{part}")
    until("the line holds", is_there)


def shape(driver, width, scheme):
    across, down = WIDTHS[width]
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": across, "height": down, "deviceScaleFactor": 1, "mobile": width == "phone"}
    )
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]}
    )


JUDGE = """
const done = arguments[0];
axe.run(document, { resultTypes: ['violations'] }).then(found => done(found.violations.map(one =>
  `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(' | ')}`)), error => done([String(error)]));
"""


def judge(driver, what):
    # By the debugger, which a page's policy does not stop.
    driver.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE})
    found = driver.execute_async_script(JUDGE)
    expect(f"axe-core finds nothing: {what}", not found, "\n".join(found))


def look_at(driver, what):
    """In all shapes a picture, and whether it fits; in two of them, which have each width and each scheme, what axe-core says of it."""
    for width in WIDTHS:
        for scheme in ("light", "dark"):
            shape(driver, width, scheme)
            time.sleep(0.05)
            driver.save_screenshot(f"{pictures}/{what}-{width}-{scheme}.png")
            across = driver.execute_script("return document.documentElement.scrollWidth - innerWidth")
            if across > 0:
                sys.exit(f"NOT: {what} is {across} pixels too wide ({width})")
        if width == "phone":
            judge(driver, f"{what}, phone, dark")
    shape(driver, "wide", "light")
    judge(driver, f"{what}, wide, light")


def complaints(driver):
    return [line["message"] for line in driver.get_log("browser") if line["level"] == "SEVERE"]


FETCH = """
const done = arguments[2];
fetch(arguments[0], arguments[1]).then(async answer => done([answer.status, await answer.text()])).catch(error => done([0, String(error)]));
"""


def fetch(driver, url, **options):
    return driver.execute_async_script(FETCH, url, options)


def enter(driver, fleet, token):
    driver.get(fleet.url + "/")
    driver.find_element(By.ID, "token").send_keys(token + Keys.ENTER)


pressed = set()


def press(driver, words, selector="main button"):
    pressed.add(words)
    driver.execute_script(
        "[...document.querySelectorAll(arguments[0])].find(one => one.innerText === arguments[1] && !one.hidden).click()", selector, words
    )


def end_of(fleet):
    fleet.process.terminate()
    fleet.process.wait()


def end():
    """All browsers and fleets."""
    for one in drivers:
        one.quit()
    for process in processes:
        if process.poll() is None:
            process.terminate()
            # What a trial stopped hears it only when it goes on.
            process.send_signal(signal.SIGCONT)
    for process in processes:
        process.wait()


def a_worker(fleet):
    return next(member["id"] for member in fleet.ask("GET", "/v1/members")["members"] if member["role"] == "worker")
