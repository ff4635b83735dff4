"""The dashboard in Chromium: `dashboard.py MUSTER AXE FOLDER PICTURES`.

Every part at two widths in both schemes (pictures of each stay in PICTURES), what axe-core says of it, signing in and out, who only looks,
names full of markup, what buttons do, other sites' pages, a coordinator that is killed and comes back.
"""

import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from kit import (Fleet, a_worker, browser, complaints, drivers, end, enter, expect, fetch, folder, judge, look_at, muster, pictures, press, processes, say, sees,
    shape, show, text, until)
import parts

# MARK: What is tried


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
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for place in range(40):
        fetch(driver, "/sign-in", method="POST", body=f"token=guess-{place}", headers=form, redirect="manual")
    lines = open(fleet.log).read().count("a browser was not let in")
    expect("who guesses tokens does not fill the log", 1 <= lines < 10, lines)
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


def what_waits_is_said(driver, fleet):
    job = fleet.ask("POST", "/v1/jobs", {"kernel": "noop", "count": 1, "needs": {"cpus": 1, "labels": {"site": "nowhere"}}})["id"]
    show(driver, fleet, "overview")
    sees(driver, f"job {job} waits:", "main .warnings")
    fleet.run("cancel", str(job))
    until("what waits no more is not said", lambda: f"job {job} waits" not in text(driver, "main"))


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


def many_windows(driver, fleet):
    """A browser keeps six connections to a server; a window that holds one for itself would leave the seventh without any."""
    before = pages_open(fleet)
    driver.get("about:blank")
    first, opened = driver.current_window_handle, []
    # Those of other browsers stay; this one's is gone once the number stands still.
    until("its page is gone", lambda: pages_open(fleet) < before)
    others = pages_open(fleet)
    for _ in range(7):
        driver.switch_to.new_window("window")
        opened.append(driver.current_window_handle)
        show(driver, fleet, "jobs")
        expect("the window is one that shows", not driver.execute_script("return document.hidden"))
    expect("seven windows share a stream", pages_open(fleet) - others == 1, pages_open(fleet))
    name = "asked for by the seventh window"
    driver.execute_script("document.querySelector('main details').open = true")
    driver.find_element(By.CSS_SELECTOR, "form[aria-label='New job of a kernel'] input[maxlength]").send_keys(name)
    press(driver, "Submit")
    for window in opened:
        driver.switch_to.window(window)
        sees(driver, name, "main", 30)
    for window in opened[:-1]:
        driver.switch_to.window(window)
        driver.close()
    driver.switch_to.window(opened[-1])
    fleet.ask("POST", "/v1/jobs", {"kernel": "noop", "count": 1, "name": "after six are closed"})
    show(driver, fleet, "jobs")
    sees(driver, "after six are closed", "main", 30)
    driver.close()
    driver.switch_to.window(first)
    until("nobody follows for windows that are closed", lambda: pages_open(fleet) == others)
    say("ok: buttons work in seven windows of one browser")


def pages_open(fleet):
    request = urllib.request.Request(fleet.url + "/metrics", headers={"Authorization": "Bearer " + fleet.token("admin")})
    with urllib.request.urlopen(request) as answer:
        return int(float(re.search(r"^muster_pages_open (\S+)", answer.read().decode(), re.M)[1]))


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
    whole("the other palette is there")
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
    saving_large(driver, fleet)
    all_of_a_link(driver, fleet)
    who_made_what(driver, fleet)
    moving_by_hand(driver, fleet)
    alone = Fleet("coordinator", "map")
    workers = [worker_of(alone, f"hand-{number}") for number in range(2)]
    better_ones_come(driver, alone, workers)
    nobody_waits(driver, alone)
    # What is refused, and said.
    found = [line for line in complaints(driver) if "Failed to load resource" not in line]
    expect("no script of the map complained", not found, found)


def go(driver, fleet, place, is_whole=True):
    driver.get("about:blank")
    driver.get(f"{fleet.url}/explore#{place}")
    if is_whole:
        until(f"all of {place} is there", lambda: text(driver, "#work") == "complete")


def place_of(driver):
    return [float(driver.find_element(By.ID, name).get_attribute("value")) for name in ("re", "im", "span")]


def makers_of(url):
    with urllib.request.urlopen(url) as answer:
        return answer.headers["Muster-Workers"], answer.headers.get("X-Cache")


# Its progress is seen; giving up ends it; above the limit the page says what the coordinator says.
def saving_large(driver, fleet):
    go(driver, fleet, "re=-0.5&im=0&span=4")
    jobs = count(fleet, "muster_jobs_unfinished")
    driver.find_element(By.ID, "save").click()

    def begin(width, height):
        for name, number in (("width", width), ("height", height)):
            driver.execute_script(
                "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', { bubbles: true }))",
                driver.find_element(By.ID, name), str(number))
        driver.find_element(By.ID, "begin").click()

    begin(16385, 16384)
    sees(driver, "Not saved: ", "#told")
    expect("more pixels than a picture may have are refused, and how many that is", re.search(r"2\^28|268,?435,?456", text(driver, "#told")), text(driver, "#told"))
    # The progress that a reader of the page saw, step by step.
    driver.execute_script("""
    window.steps = [];
    new MutationObserver(() => window.steps.push([document.getElementById('told').textContent, document.getElementById('done').value]))
      .observe(document.getElementById('told'), { childList: true, characterData: true, subtree: true });""")
    begin(3000, 2000)
    sees(driver, "Saved: ", "#told")
    steps = driver.execute_script("return window.steps")
    parts = [part for words, part in steps if "of the rows" in words]
    expect(f"the progress goes on to the end, {len(parts)} steps", len([part for part in parts if 0 < part < 1]) > 2 and parts == sorted(parts), steps)
    begin(9000, 6000)
    until("a larger picture is on its way", lambda: re.match(r"\d+ % of the rows", text(driver, "#told")))
    driver.save_screenshot(f"{pictures}/explore-saving.png")
    driver.find_element(By.ID, "cancel").click()
    until("given up, the fleet makes no more of it", lambda: count(fleet, "muster_jobs_unfinished") == jobs)


# A place with all that is set.
def all_of_a_link(driver, fleet):
    go(driver, fleet, "re=-1.25&im=0.05&span=0.5&palette=glacier&escape=1234&who=1")
    seen = [driver.find_element(By.ID, name).get_attribute("value") for name in ("re", "im", "span", "palette", "escape")]
    expect("a link restores all that is set", seen == ["-1.25", "0.05", "0.5", "glacier", "1234"] and driver.find_element(By.ID, "who").is_selected(), seen)
    asked = driver.execute_script(TILES)
    expect("its tiles are asked for as it says", asked and all("palette=glacier" in one and "escape=1234" in one for one in asked), asked)


# The layer of who made what: names are told by the tiles themselves, through an edge's cache, too.
def who_made_what(driver, fleet):
    go(driver, fleet, "re=-0.5&im=0&span=4&escape=1500")
    shown = "return !document.getElementById('legend').hidden"
    expect("the layer is off at first", not driver.execute_script(shown))
    before = driver.execute_script(PIXEL, 0.5, 0.5)
    driver.find_element(By.ID, "map").send_keys("w")
    until("a key shows the layer", lambda: driver.execute_script(shown))
    sees(driver, "worker-1", "#makers")
    names = {member["name"] for member in fleet.ask("GET", "/v1/members")["members"] if member["role"] == "worker"}
    lines = text(driver, "#makers").splitlines()
    told = [re.fullmatch(r"\s*([A-Z]+): (\S+), (\d+) tiles?", line) for line in lines if line.strip()]
    expect("the legend names workers, with a letter and their tiles", all(told) and {one[2] for one in told} <= names, lines)
    expect("each worker has a letter of its own", len({one[1] for one in told}) == len(told), lines)
    header, _ = makers_of(f"{fleet.url}/tiles/1/0/0.png?escape=1500")
    expect("a tile's answer says who made it", re.fullmatch(r'%"worker-\d";strips=\d+(, %"worker-\d";strips=\d+)*', header), header)
    edges = [edge["labels"]["url"] for edge in fleet.ask("GET", "/v1/members")["members"] if edge["role"] == "edge"]
    first, again = [makers_of(f"{edges[0]}/tiles/2/1/1.png?escape=1501") for _ in range(2)]
    expect("an edge's cache keeps it", first[0] and first[0] == again[0] and again[1] == "HIT", [first, again])
    expect("the coordinator's copy for another edge has it", makers_of(f"{edges[1]}/tiles/2/1/1.png?escape=1501")[0] == first[0])
    for width, scheme in (("wide", "light"), ("phone", "dark")):
        shape(driver, width, scheme)
        until("it is drawn in this shape", lambda: text(driver, "#work") == "complete" and text(driver, "#makers"))
        driver.save_screenshot(f"{pictures}/explore-makers-{width}-{scheme}.png")
        judge(driver, f"the explorer with its layer, {width}, {scheme}")
    shape(driver, "wide", "light")
    until("the address has the layer", lambda: "who=1" in driver.current_url)
    go(driver, fleet, driver.current_url.split("#")[1])
    expect("a link brings the layer back", driver.execute_script(shown) and driver.find_element(By.ID, "who").is_selected())
    driver.find_element(By.ID, "who").click()
    until("the box takes it away", lambda: not driver.execute_script(shown) and "who=" not in driver.current_url)
    expect("the map is as it was", driver.execute_script(PIXEL, 0.5, 0.5) == before)
    # A name is any text: it stays text.
    worker = worker_of(fleet, NASTY)
    for depth in range(1600, 1640):
        go(driver, fleet, f"re=-0.5&im=0&span=4&escape={depth}&who=1")
        if NASTY in driver.execute_script("return document.getElementById('makers').textContent"):
            break
    expect("its name is shown as text", NASTY in driver.execute_script("return document.getElementById('makers').textContent"))
    expect("and is no markup", driver.execute_script("return document.querySelectorAll('#makers b, #makers i, #makers img, #makers script').length") == 0)
    worker.terminate()
    worker.wait()


# Mouse, wheel, fingers: what is under them stays there.
def moving_by_hand(driver, fleet):
    go(driver, fleet, "re=-0.5&im=0&span=4")
    canvas = driver.find_element(By.ID, "map")
    left, top, width, height = driver.execute_script(
        "const r = document.getElementById('map').getBoundingClientRect(); return [r.left, r.top, r.width, r.height]")
    middle = (left + width / 2, top + height / 2)

    def mouse(kind, x, y, **more):
        driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **more})

    def fingers(kind, *points):
        driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]})

    re_, im, span = place_of(driver)
    held = {"button": "left", "buttons": 1, "clickCount": 1}
    mouse("mousePressed", *middle, **held)
    mouse("mouseMoved", middle[0] + 100, middle[1] + 40, **held)
    mouse("mouseReleased", middle[0] + 100, middle[1] + 40, **held)
    pixel = span / width
    until("a drag moves it by what the mouse went",
        lambda: abs(place_of(driver)[0] - (re_ - 100 * pixel)) < 2 * pixel and abs(place_of(driver)[1] - (im + 40 * pixel)) < 2 * pixel)
    re_, im, span = place_of(driver)
    point = (left + width / 4, top + height / 2)
    under = re_ + (point[0] - middle[0]) * span / width
    mouse("mouseWheel", *point, deltaX=0, deltaY=-240)
    until("the wheel zooms", lambda: abs(place_of(driver)[2] - span / 2) < span / 100)
    re_, _, span = place_of(driver)
    expect("what is under the pointer stays", abs(re_ + (point[0] - middle[0]) * span / width - under) < 3 * span / width, [re_, under])
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2})
    fingers("touchStart", (middle[0] - 50, middle[1]), (middle[0] + 50, middle[1]))
    for apart in range(60, 110, 10):
        fingers("touchMove", (middle[0] - apart, middle[1]), (middle[0] + apart, middle[1]))
    fingers("touchEnd")
    until("two fingers twice as far apart show half the span", lambda: abs(place_of(driver)[2] - span / 2) < span / 50)
    expect("about the middle", abs(place_of(driver)[0] - re_) < 3 * span / width, place_of(driver))
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    go(driver, fleet, "re=-0.5&im=0&span=4")
    _, im, span = place_of(driver)
    driver.find_element(By.ID, "draw").click()
    corner = (middle[0] - width / 4, middle[1] - height / 4)
    mouse("mousePressed", *corner, **held)
    mouse("mouseMoved", *middle, **held)
    expect("the box is seen", driver.execute_script("return !document.getElementById('box').hidden"))
    driver.save_screenshot(f"{pictures}/explore-box.png")
    mouse("mouseReleased", *middle, **held)
    until("a quarter of the page in a box fills it", lambda: abs(place_of(driver)[2] - span / 4) < span / 50)
    expect("around the box's middle", abs(place_of(driver)[0] - (-0.5 - span / 8)) < span / 50, place_of(driver))
    until("it is there", lambda: text(driver, "#work") == "complete")
    canvas = driver.find_element(By.ID, "map")
    for key, look in (("-", lambda now, was: now[2] > 1.9 * was[2]), (Keys.ARROW_DOWN, lambda now, was: now[1] < was[1]),
        (Keys.ARROW_RIGHT, lambda now, was: now[0] > was[0]), ("0", lambda now, was: now[2] >= 3.4)):
        was = place_of(driver)
        canvas.send_keys(key)
        until(f"the key {key!r} does it", lambda: look(place_of(driver), was))


def worker_of(fleet, name):
    worker = subprocess.Popen([muster, "worker", "--join", fleet.url, "--token", fleet.token("join"), "--slots", "1", "--name", name,
        "--data", f"{folder}/worker-{len(processes)}", "--log-level", "error"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    processes.append(worker)
    until(f"the worker {name} is there", lambda: name in [one["name"] for one in fleet.ask("GET", "/v1/members")["members"]])
    return worker


# Until the tiles of a place come, what is there stands in for them.
def better_ones_come(driver, fleet, workers):
    go(driver, fleet, "re=-0.5&im=0.8&span=0.5&escape=1700")
    coarse = driver.execute_script(PIXEL, 0.5, 0.5)
    expect("the outside has a colour", coarse != [0, 0, 0], coarse)
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    driver.find_element(By.ID, "map").send_keys("+")
    until("finer tiles are missing", lambda: re.fullmatch(r"\d+ of \d+ tiles", text(driver, "#work")))
    until("it has arrived", lambda: abs(place_of(driver)[2] - 0.25) < 0.01)
    expect("coarser ones stand in meanwhile", driver.execute_script(PIXEL, 0.5, 0.5) == coarse)
    driver.save_screenshot(f"{pictures}/explore-standing-in.png")
    for worker in workers:
        worker.send_signal(signal.SIGCONT)
    until("the better ones came", lambda: text(driver, "#work") == "complete")


def count(fleet, name):
    request = urllib.request.Request(fleet.url + "/metrics", headers={"Authorization": "Bearer " + fleet.token("admin")})
    with urllib.request.urlopen(request) as answer:
        found = re.search(rf"^{re.escape(name)}(?:{{[^}}]*}})? (\S+)", answer.read().decode(), re.M)
        return float(found[1]) if found else 0


# By the coordinator's own counters: a move costs what is new, and what nobody waits for any more is not computed. The fleet does
# nothing else.
def nobody_waits(driver, fleet):
    until("nothing is left from before", lambda: count(fleet, "muster_jobs_unfinished") == 0)
    first = count(fleet, "muster_tasks_recorded_total")
    made = lambda: count(fleet, "muster_tasks_recorded_total") - first
    asked = lambda: driver.execute_script(TILES)
    # So few iterations that a tile is one strip.
    go(driver, fleet, "re=-0.5&im=0.5&span=1.2&escape=150")
    canvas = driver.find_element(By.ID, "map")
    whole = asked()
    expect(f"each tile is made once, {len(whole)}", made() == len(whole) == len(set(whole)), [made(), whole])
    canvas.send_keys(Keys.ARROW_DOWN * 3)
    until("it moves", lambda: place_of(driver)[1] < 0.3)
    until("what it came to is there", lambda: text(driver, "#work") == "complete")
    news = asked()[len(whole):]
    expect(f"a move makes what is new alone, {len(news)}", 0 < made() - len(whole) == len(set(news)) < len(whole) and not set(news) & set(whole), news)
    canvas.send_keys(Keys.ARROW_UP * 3)
    until("it moves back", lambda: abs(place_of(driver)[1] - 0.5) < 0.01)
    until("all of it is there still", lambda: text(driver, "#work") == "complete")
    expect("the way back makes nothing", made() == len(whole) + len(news) == len(asked()), made())
    before, calls = count(fleet, "muster_tasks_granted_total"), len(asked())
    driver.execute_script("location.hash = 're=-0.745&im=0.11&span=0.02&escape=4000000'")
    until("the fleet computes deep tiles", lambda: count(fleet, "muster_tasks_leased") > 0 and count(fleet, "muster_tasks_granted_total") - before > 4)
    expect("the page waits for them", "of" in text(driver, "#work"), text(driver, "#work"))
    driver.execute_script("location.hash = 're=-0.5&im=0.5&span=1.2&escape=150'")
    until("the page shows what it has", lambda: text(driver, "#work") == "complete")
    until("nothing of what nobody waits for is left", lambda: count(fleet, "muster_tasks_leased") == count(fleet, "muster_tasks_waiting") == count(fleet, "muster_jobs_unfinished") == 0)
    granted = count(fleet, "muster_tasks_granted_total") - before
    # Each tile of that depth has 256 rows, and a strip each; six were asked for at a time.
    expect(f"most of it was never computed: {granted:.0f} strips of {6 * 256} asked for", 4 < granted < 6 * 256, granted)
    made_before = made()
    go(driver, fleet, "re=0.3&im=0.5&span=3.75&escape=151")
    expect("and what comes next is made alone", made() - made_before == len(asked()), [made(), made_before])


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
    what_waits_is_said(driver, fleet)
    enter(other, fleet, fleet.token("admin"))
    acting(driver, fleet, other)
    parts.output_while_it_runs(driver, fleet)
    parts.purging(driver, fleet)
    parts.opening(driver, fleet)
    tokens(driver, fleet)
    parts.other_buttons(driver, fleet)
    parts.no_button_is_left_out(driver, fleet)
    parts.limits_are_told(driver, fleet)
    parts.qr_codes(driver, fleet)
    being_quick(driver, fleet)
    keyboard_alone(driver, fleet)
    many_windows(driver, fleet)
    # What is not there any more is asked for, and said.
    found = [line for line in complaints(driver) if "Failed to load resource" not in line]
    expect("no script complained", not found, found)
    foreign_pages(driver, fleet)
    the_map(fleet)
    without_a_script(fleet)
    parts.signed_out_elsewhere(fleet)
    losing_the_line(other)


try:
    main()
finally:
    end()
