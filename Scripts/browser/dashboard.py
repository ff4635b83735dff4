"""The dashboard in Chromium: `dashboard.py MUSTER AXE FOLDER PICTURES`.

Every part at two widths in both schemes (pictures of each stay in PICTURES), what axe-core says of it, signing in and out, who only looks,
names full of markup, what buttons do, other sites' pages, a coordinator that is killed and comes back.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import http.server
import time
import urllib.parse
import urllib.request

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

muster, axe_path, folder, pictures = sys.argv[1:]
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
        self.command = [muster, role, "--data", self.data, "--log-level", "warning", *arguments]
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
    driver.get(f"{fleet.url}/#/{part}")
    until("the line holds", lambda: text(driver, "#line") == "live" and text(driver, "h1"))


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


def press(driver, words, selector="main button"):
    driver.execute_script(
        "[...document.querySelectorAll(arguments[0])].find(one => one.innerText === arguments[1] && !one.hidden).click()", selector, words
    )


# MARK: What is tried


def a_worker(fleet):
    return next(member["id"] for member in fleet.ask("GET", "/v1/members")["members"] if member["role"] == "worker")


NASTY = "<img src=x onerror=document.title='OWNED'>"
PARTS = ["overview", "members", "jobs", "children", "commands", "edges", "volunteers", "system"]


def signing_in(fleet):
    driver = browser()
    driver.get(fleet.url + "/")
    expect("a stranger is told how to come in", "muster sign-in" in text(driver), text(driver))
    look_at(driver, "sign-in")
    enter(driver, fleet, "nonsense")
    sees(driver, "neither the admin nor the read token")
    enter(driver, fleet, fleet.token("join"))
    sees(driver, "neither the admin nor the read token")
    expect("and nothing more is told", fetch(driver, "/v1/overview")[0] == 401)
    enter(driver, fleet, fleet.token("read"))
    sees(driver, "Jobs under way")
    return driver


def only_looking(driver, fleet):
    for part in [*PARTS, "jobs/1", "jobs/2", f"members/{a_worker(fleet)}", "commands/1"]:
        show(driver, fleet, part)
        time.sleep(0.1)
        found = driver.execute_script("return [...document.querySelectorAll('main button, main form, main dialog')].map(one => one.outerHTML)")
        if found:
            sys.exit(f"NOT: who may only look has buttons at {part}: {found}")
    say("ok: who may only look has no buttons")
    status, _ = fetch(driver, "/v1/jobs", method="POST", body='{"kernel":"noop","count":1}')
    expect("nor may it act", status == 403, status)
    driver.find_element(By.ID, "sign-out").click()
    sees(driver, "Sign in to this fleet")
    expect("signed out it may not look", fetch(driver, "/v1/overview")[0] == 401)


def every_part(driver, fleet):
    driver.get(fleet.url + json.loads(json.dumps(fleet.ask("POST", "/v1/sign-in-links")))["path"])
    sees(driver, "Jobs under way")
    for part in [*PARTS, "jobs/1", "jobs/2", f"members/{a_worker(fleet)}", "commands/1"]:
        show(driver, fleet, part)
        driver.execute_script("document.querySelectorAll('main details').forEach(one => { one.open = true; })")
        time.sleep(0.4)
        look_at(driver, re.sub("/.*", "-one", part) if part != "jobs/2" else "jobs-failed")
    expect("no script complains", not complaints(driver), complaints(driver))


def names_are_text(driver, fleet):
    show(driver, fleet, "jobs")
    sees(driver, NASTY, "main")
    show(driver, fleet, "jobs/2")
    sees(driver, NASTY)
    sees(driver, "\ufffd[31mred <script>")
    show(driver, fleet, "overview")
    expect("names are text", driver.execute_script("return !document.querySelector('main img, main script') && document.title !== 'OWNED'"))


def acting(driver, fleet, other):
    show(driver, fleet, "jobs/1")
    until("there is a button", lambda: "Cancel" in text(driver, "main"))
    press(driver, "Cancel")
    sees(driver, "muster cancel 1", "dialog")
    judge(driver, "the question")
    driver.save_screenshot(f"{pictures}/question.png")
    press(driver, "Keep it", "dialog button")
    until("the question goes", lambda: not driver.find_elements(By.TAG_NAME, "dialog"))
    expect("who keeps it keeps it", fleet.ask("GET", "/v1/jobs/1")["state"] in ("running", "queued"))
    press(driver, "Cancel")
    press(driver, "Cancel", "dialog button")
    sees(driver, "cancelled", "main .badge")
    expect("the job is cancelled", fleet.ask("GET", "/v1/jobs/1")["state"] == "cancelled")
    press(driver, "Forget")
    press(driver, "Forget", "dialog button")
    until("the list of jobs", lambda: text(driver, "h1") == "Jobs")

    driver.execute_script("document.querySelector('main details').open = true")
    driver.find_element(By.CSS_SELECTOR, "form[aria-label='New job of a kernel'] input[maxlength]").send_keys("by hand")
    sees(driver, "muster submit sleep --count 20 --param ms=500 --name 'by hand'")
    press(driver, "Submit")
    sees(driver, "by hand", "main")
    show(other, fleet, "jobs")
    sees(other, "by hand (sleep)", "main")

    show(driver, fleet, "jobs")
    driver.execute_script("document.querySelector('main details').open = true")
    run = "form[aria-label='Run a command'] "
    driver.find_element(By.CSS_SELECTOR, run + "input").send_keys("echo got {}")
    driver.find_element(By.CSS_SELECTOR, run + "textarea").send_keys("one\ntwo")
    sees(driver, "muster run 'echo got {}' ::: one two", run)
    press(driver, "Run")
    sees(driver, "got two", "main")

    show(driver, fleet, "children")
    before = fleet.ask("GET", "/progress")["uniqueNumbers"]
    press(driver, "Spawn")
    until("a child's numbers come", lambda: fleet.ask("GET", "/progress")["uniqueNumbers"] > before)
    sees(driver, f"{fleet.ask('GET', '/progress')['uniqueNumbers']:,} unique", "main")

    show(driver, fleet, "commands")
    driver.find_element(By.CSS_SELECTOR, "main input").send_keys("PAUSE_TRANSMIT")
    press(driver, "Send")
    sees(driver, "PAUSE_TRANSMIT", "main h2")
    sees(driver, "delivered", "main")

    show(driver, fleet, "members")
    driver.execute_script("document.querySelector('main details').open = true")
    press(driver, "Show the line to join")
    sees(driver, "muster-worker", "main pre", 150)
    line = fleet.run("join-command").strip()
    expect("the line to join is that of the command", text(driver, "main pre").strip() == line, (text(driver, "main pre"), line))
    worker = a_worker(fleet)
    show(driver, fleet, f"members/{worker}")
    sees(driver, "Drain", "main")
    press(driver, "Drain")
    press(driver, "Drain", "dialog button")
    sees(driver, f"no member {worker}", "main")
    show(driver, fleet, "members")
    sees(driver, "left", "main .news")


def tokens(driver, fleet):
    show(driver, fleet, "volunteers")
    driver.find_element(By.CSS_SELECTOR, "main input").send_keys("a lab")
    press(driver, "Make a token")
    sees(driver, "MUSTER_TOKEN=v", "main")
    made = fleet.ask("GET", "/v1/tokens")["tokens"][-1]
    fleet.run("tokens", "revoke", str(made["id"]))
    sees(driver, "revoked", "main .line")
    say("ok: a token that is revoked elsewhere is shown so")


QUICK = """
const done = arguments[0], start = performance.now();
let id;
const look = () => { if (id && [...document.querySelectorAll('main .line a')].some(one => one.textContent === String(id))) { watch.disconnect(); done(performance.now() - start); } };
const watch = new MutationObserver(look);
watch.observe(document.querySelector('main'), { childList: true, subtree: true, characterData: true });
fetch('/v1/jobs', { method: 'POST', body: '{"kernel":"noop","count":1}' }).then(answer => answer.json()).then(job => { id = job.id; look(); });
"""


def being_quick(driver, fleet):
    show(driver, fleet, "jobs")
    times = sorted(driver.execute_async_script(QUICK) for _ in range(20))
    say(f"a new job is on the page after {times[10]:.0f} ms, at most {times[-1]:.0f} ms")
    expect("a change shows without being asked for", times[-1] < 5000, times)


def keyboard_alone(driver, fleet):
    show(driver, fleet, "jobs")
    driver.refresh()
    sees(driver, "live", "#line")
    webdriver.ActionChains(driver).send_keys(Keys.TAB).perform()
    expect("the first key leads to the content", driver.switch_to.active_element.get_attribute("id") == "skip")
    driver.execute_script("document.querySelector('main .body').focus()")
    driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    here = driver.execute_script("return document.activeElement.closest('.line').getAttribute('aria-rowindex')")
    expect("keys go along the lines", here == "3", here)
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    until("and open one", lambda: text(driver, "h1").startswith("Job "))
    expect("whose title has the focus", driver.execute_script("return document.activeElement === document.querySelector('h1')"))


class Elsewhere(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        body = b"<!doctype html><title>elsewhere</title><form method=post><input name=token value=x></form><iframe></iframe>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def foreign_pages(driver, fleet):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for host in ("localhost", "127.0.0.1"):
        page = f"http://{host}:{server.server_address[1]}/"
        for path in ("/sign-in", "/sign-out", "/v1/scale"):
            driver.get(page)
            driver.execute_script("document.forms[0].action = arguments[0]; document.forms[0].submit()", fleet.url + path)
            sees(driver, '"status":4')
        driver.get(page)
        for method, path, body in (("DELETE", "/v1/jobs/2", None), ("POST", "/v1/children", "{}"), ("GET", "/v1/overview", None)):
            status, answer = fetch(driver, fleet.url + path, method=method, body=body, credentials="include", mode="cors" if method != "POST" else "no-cors")
            if (status, answer) != (0, "") and status != 0:
                sys.exit(f"NOT: another site's {method} {path} is answered {status} {answer}")
        driver.execute_script("document.querySelector('iframe').src = arguments[0]", fleet.url + "/")
        time.sleep(0.3)
        driver.switch_to.frame(0)
        expect("another site does not show the dashboard in a frame", "Muster" not in text(driver) and "Jobs" not in text(driver), text(driver))
        driver.switch_to.default_content()
    server.shutdown()
    show(driver, fleet, "overview")
    say("ok: other sites' pages drive nothing, and sign nobody out")


def without_a_script(fleet):
    driver = browser(scripts=False)
    driver.get(fleet.url + fleet.ask("POST", "/v1/sign-in-links")["path"])
    until("the plain page", lambda: "/plain" in driver.current_url)
    page = driver.find_element(By.TAG_NAME, "body").text
    expect("without a script the overview is a page", "worker-1" in page and NASTY in page, page)
    driver.save_screenshot(f"{pictures}/plain.png")
    driver.quit()
    drivers.remove(driver)


def losing_the_line(driver):
    """And many jobs, of which few are in the page."""
    fleet = Fleet("coordinator", "lonely")
    for place in range(600):
        fleet.ask("POST", "/v1/jobs", {"kernel": "noop", "count": 1, "name": f"number {place}"})
    enter(driver, fleet, fleet.token("admin"))
    show(driver, fleet, "jobs")
    sees(driver, "600 shown", "main")
    lines = driver.execute_script("return document.querySelectorAll('main .line').length")
    expect(f"of 600 jobs {lines} are in the page", 10 <= lines <= 60, lines)
    driver.execute_script("document.querySelector('main .body').scrollTop = 1e9")
    sees(driver, "number 0 ", "main")
    sees(driver, "no worker", "#alerts")
    fleet.process.send_signal(signal.SIGKILL)
    fleet.process.wait()
    sees(driver, "connection lost", "#line")
    driver.save_screenshot(f"{pictures}/connection-lost.png")
    fleet.start(fleet.port)
    sees(driver, "live", "#line")
    fleet.ask("POST", "/v1/jobs", {"kernel": "noop", "count": 1, "name": "afterwards"})
    sees(driver, "601 shown", "main")
    say("ok: a page goes on with a coordinator that was killed and came back")


PIXEL = """
const [x, y] = arguments, map = document.getElementById('map');
return [...map.getContext('2d').getImageData(map.width * x, map.height * y, 1, 1).data.slice(0, 3)];
"""
TILES = "return performance.getEntriesByType('resource').filter(one => one.name.includes('/tiles/')).map(one => one.name)"


def the_map(fleet):
    driver = browser()
    shape(driver, "wide", "light")

    def whole(what):
        until(what, lambda: text(driver, "#work") == "complete")

    def place():
        return [float(driver.find_element(By.ID, name).get_attribute("value")) for name in ("re", "im", "span")]

    driver.get(fleet.url + "/explore")
    whole("the whole set is there")
    expect("inside of the set is black, outside is not", driver.execute_script(PIXEL, 0.5, 0.5) == [0, 0, 0] != driver.execute_script(PIXEL, 0.3, 0.1))
    look_at(driver, "explore")
    whole("it is there in the last shape")
    canvas = driver.find_element(By.ID, "map")
    before, (re_, im, span) = len(driver.execute_script(TILES)), place()
    canvas.send_keys(Keys.ARROW_LEFT)
    until("an arrow moves it", lambda: place()[0] < re_ - span / 8)
    whole("what the arrow came to is there")
    news = driver.execute_script(TILES)[before:]
    expect(f"a move asks for what is new alone, {len(news)} tiles", len(news) == len(set(news)) < before, news)
    canvas.send_keys("+")
    until("a key zooms", lambda: abs(place()[2] - span / 2) < span / 100)
    until("the address is the place", lambda: f"span={driver.find_element(By.ID, 'span').get_attribute('value')}" in driver.current_url)
    link = driver.current_url
    driver.get("about:blank")
    driver.get(link)
    until("a link leads there", lambda: abs(place()[2] - span / 2) < span / 100)
    driver.execute_script("document.getElementById('palette').value = 'ember'; document.getElementById('palette').dispatchEvent(new Event('change'))")
    until("another palette is asked for", lambda: any("palette=ember" in name for name in driver.execute_script(TILES)))
    field = driver.find_element(By.ID, "re")
    field.clear()
    field.send_keys("9" + Keys.ENTER)
    sees(driver, "from -2.5 to 1.5", "#wrong")
    driver.get(fleet.url + "/explore#re=-0.743643887&im=0.131825904&span=1e-11")
    driver.refresh()
    whole("a place at the border is there")
    canvas = driver.find_element(By.ID, "map")
    for _ in range(3):
        canvas.send_keys(Keys.PAGE_UP)
    sees(driver, "Tiles end here", "#note")
    driver.get(fleet.url + "/explore#re=-0.5&im=0&span=4")
    driver.refresh()
    whole("the whole set is there again")
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": folder})
    driver.find_element(By.ID, "save").click()
    for name, number in (("width", "320"), ("height", "200")):
        driver.execute_script("arguments[0].value = arguments[1]", driver.find_element(By.ID, name), number)
    driver.save_screenshot(f"{pictures}/explore-save.png")
    judge(driver, "saving a picture")
    driver.find_element(By.ID, "begin").click()
    sees(driver, "Saved", "#told")
    query = dict(re.findall(r"--(\w+) (\S+)", text(driver, "#cli")))
    with urllib.request.urlopen(f"{fleet.url}/mandelbrot.png?{urllib.parse.urlencode(query | {'width': 320, 'height': 200})}") as answer:
        wanted = answer.read()
    saved = until("the file is there", lambda: [name for name in os.listdir(folder) if name.startswith("mandelbrot") and name.endswith(".png")])
    expect("the file is the picture", open(f"{folder}/{saved[0]}", "rb").read() == wanted)
    expect("no script of the map complained", not complaints(driver), complaints(driver))


def main():
    fleet = Fleet("up", "dashboard", "--workers", "2", "--edges", "2", "--allow-exec")
    until("everybody is there", lambda: len(fleet.ask("GET", "/v1/members")["members"]) >= 5)
    fleet.ask("POST", "/v1/jobs", {"kernel": "sleep", "count": 4000, "params": {"ms": 100}})
    fleet.ask("POST", "/v1/jobs", {"kernel": "exec", "name": NASTY, "priority": "interactive", "inputs": ["0", "3", "4"],
        "params": {"shell": "printf '\\033[31mred <script>alert(1)</script>\\n'; exit {}"}})
    fleet.ask("POST", "/v1/children", {"count": 3})
    fleet.ask("POST", "/v1/commands", {"command": "<b>GO</b>"})
    until("the commands ran", lambda: fleet.ask("GET", "/v1/jobs/2")["state"] == "failed")
    other = signing_in(fleet)
    only_looking(other, fleet)
    driver = browser()
    every_part(driver, fleet)
    names_are_text(driver, fleet)
    enter(other, fleet, fleet.token("admin"))
    acting(driver, fleet, other)
    tokens(driver, fleet)
    being_quick(driver, fleet)
    keyboard_alone(driver, fleet)
    # What is not there any more is asked for, and said.
    found = [line for line in complaints(driver) if "Failed to load resource" not in line]
    expect("no script complained", not found, found)
    foreign_pages(driver, fleet)
    the_map(fleet)
    without_a_script(fleet)
    losing_the_line(other)


try:
    main()
finally:
    for one in drivers:
        one.quit()
    for process in processes:
        if process.poll() is None:
            process.terminate()
    for process in processes:
        process.wait()
