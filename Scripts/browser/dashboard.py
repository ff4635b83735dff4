"""The dashboard in Chromium: `dashboard.py MUSTER AXE FOLDER PICTURES`.

Every part at two widths in both schemes (pictures of each stay in PICTURES), what axe-core says of it, signing in and out, who only looks,
names full of markup, what buttons do, other sites' pages, a coordinator that is killed and comes back.
"""

import http.server
import json
import re
import signal
import sys
import threading
import time
import urllib.parse
import urllib.request

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from kit import (Fleet, a_worker, browser, complaints, drivers, end, enter, expect, fetch, judge, look_at, pictures, press, say, sees, show, text,
    until)
import explorer
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
    explorer.the_map(fleet)
    without_a_script(fleet)
    parts.signed_out_elsewhere(fleet)
    losing_the_line(other)


try:
    main()
finally:
    end()
