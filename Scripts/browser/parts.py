"""Trials of single parts of the dashboard."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import urllib.request

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from kit import (Fleet, a_worker, browser, complaints, drivers, end_of, enter, expect, fetch, folder, look_at, muster, pictures, press, pressed, say,
    sees, shape, show, text, until)

LOG = "main ol.log"
HIDDEN = """
Object.defineProperty(document, 'hidden', { configurable: true, get: () => arguments[0] });
document.dispatchEvent(new Event('visibilitychange'));
"""


def metric(fleet, name):
    request = urllib.request.Request(fleet.url + "/metrics", headers={"Authorization": "Bearer " + fleet.token("read")})
    with urllib.request.urlopen(request) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))


def output_while_it_runs(driver, fleet):
    """Two tasks that say something, wait for a file, and say the rest."""
    gates = [f"{folder}/gate-{place}" for place in range(2)]
    script = (
        "printf 'first of {}\\n'; printf '\\033[31mwrong <b>%s</b>\\n' {} >&2; printf 'half'; "
        "while [ ! -e {} ]; do sleep 0.05; done; printf ' a line\\rdrawn again\\nlast of {}\\n'; while [ ! -e {}.end ]; do sleep 0.05; done"
    )
    job = fleet.ask("POST", "/v1/jobs", {"kernel": "exec", "priority": "interactive", "inputs": gates, "params": {"shell": script}})["id"]
    show(driver, fleet, f"jobs/{job}")
    for gate in gates:
        sees(driver, f"first of {gate}", LOG)
        sees(driver, f"\ufffd[31mwrong <b>{gate}</b>", LOG)
    until("half a line is there", lambda: text(driver, LOG).count("half") == 2)
    rows = driver.execute_script(
        "return [...document.querySelectorAll(arguments[0] + ' li')].map(one => [one.className, ...[...one.children].map(part => part.textContent)])", LOG)
    wrong = [row for row in rows if "wrong" in row[-1]]
    expect("what goes to stderr says so in a word", len(wrong) == 2 and all(row[0] == "stderr" and row[2] == "err" for row in wrong), rows)
    expect("each line says which task and worker", {row[1].split()[0] for row in rows} == {"0", "1"} and all("worker-" in row[1] for row in rows), rows)
    look_at(driver, "jobs-output")
    open(gates[0], "w").close()
    sees(driver, f"last of {gates[0]}", LOG)
    expect("a line that is drawn again shows as it is now", "drawn again" in text(driver, LOG) and text(driver, LOG).count("half") == 1, text(driver, LOG))

    expect("one reads it", metric(fleet, "muster_output_readers") == 1)
    driver.execute_script(HIDDEN, True)
    until("a page that nobody sees reads nothing", lambda: metric(fleet, "muster_output_readers") == 0)
    driver.execute_script(HIDDEN, False)
    until("one that is seen again does", lambda: metric(fleet, "muster_output_readers") == 1)
    open(gates[1], "w").close()
    sees(driver, f"last of {gates[1]}", LOG)
    until("what was read before is there once", lambda: text(driver, LOG).count("first of ") <= 2)
    field = driver.find_element(By.CSS_SELECTOR, "main section input[type=number]")
    field.send_keys("1" + Keys.ENTER)
    sees(driver, f"last of {gates[1]}", LOG)
    expect("one task alone can be followed", gates[0] not in text(driver, LOG), text(driver, LOG))
    show(driver, fleet, "overview")
    until("a page that is left reads nothing", lambda: metric(fleet, "muster_output_readers") == 0)
    for gate in gates:
        open(gate + ".end", "w").close()
    until("the job is done", lambda: fleet.ask("GET", f"/v1/jobs/{job}")["state"] == "done")

    # Far more than a page holds.
    flood = fleet.ask("POST", "/v1/jobs", {"kernel": "exec", "priority": "interactive", "inputs": [f"{folder}/flood"],
        "params": {"shell": "echo ready; while [ ! -e {} ]; do sleep 0.05; done; seq 1 300000; while [ ! -e {}.end ]; do sleep 0.05; done"}})["id"]
    show(driver, fleet, f"jobs/{flood}")
    sees(driver, "ready", LOG)
    open(f"{folder}/flood", "w").close()
    sees(driver, "300000", LOG)
    rows = driver.execute_script("return document.querySelectorAll(arguments[0] + ' li').length", LOG)
    expect(f"of 300,000 lines {rows} are in the page", 10 < rows <= 400, rows)
    open(f"{folder}/flood.end", "w").close()
    until("that job is done", lambda: fleet.ask("GET", f"/v1/jobs/{flood}")["state"] == "done")
    sees(driver, "The job has ended", "main")



def purging(driver, fleet):
    """With edges that are there, then with one that was stopped."""
    show(driver, fleet, "edges")
    sees(driver, "follows", "main table")
    driver.execute_script("const kind = document.querySelector('main select'); kind.value = 'all'; kind.dispatchEvent(new Event('change'))")
    sees(driver, "muster purge --all", "main .cli")
    press(driver, "Purge")
    sees(driver, "muster purge --all", "dialog")
    press(driver, "Keep it", "dialog button")
    until("the question goes", lambda: not driver.find_elements(By.TAG_NAME, "dialog"))
    expect("who keeps it keeps it", "are forgotten" not in text(driver, "main"))
    press(driver, "Purge")
    press(driver, "Purge", "dialog button")
    sees(driver, "all 2 edges confirmed", "main [role=status]")
    driver.execute_script("const kind = document.querySelector('main select'); kind.value = 'prefix'; kind.dispatchEvent(new Event('change'))")
    field = driver.find_element(By.CSS_SELECTOR, "main input")
    field.clear()
    field.send_keys("tiles")
    press(driver, "Purge")
    sees(driver, "A path begins with a slash.", "#toasts")
    field.clear()
    field.send_keys("/tiles/")
    sees(driver, "muster purge --prefix /tiles/", "main .cli")
    driver.execute_script("const kind = document.querySelector('main select'); kind.value = 'id'; kind.dispatchEvent(new Event('change'))")
    for wrong in ("", "seven", "0x7"):
        field.clear()
        field.send_keys(wrong)
        press(driver, "Purge")
        sees(driver, "The id is a whole number", "#toasts")
        expect("no image is named, so nothing is asked", not driver.find_elements(By.TAG_NAME, "dialog"), wrong)
    driver.execute_script("const kind = document.querySelector('main select'); kind.value = 'prefix'; kind.dispatchEvent(new Event('change'))")
    field.clear()
    field.send_keys("/tiles/")
    stopped = next(pid for pid in children(fleet.process.pid) if b"\0edge\0" in open(f"/proc/{pid}/cmdline", "rb").read() and b"\0--id\0001\0" in open(f"/proc/{pid}/cmdline", "rb").read())
    os.kill(stopped, signal.SIGSTOP)
    try:
        press(driver, "Purge")
        press(driver, "Purge", "dialog button")
        sees(driver, "1 of 2 edges did not confirm", "main [role=status]")
        rows = driver.execute_script("return [...document.querySelectorAll('main [role=status] tbody tr')].map(one => one.innerText)")
        expect("it says which did, which did not, and why", len(rows) == 2 and any("no" in row and len(row) > 20 for row in rows) and any("yes" in row for row in rows), rows)
        look_at(driver, "edges-purged")
        asked = subprocess.run([muster, "purge", "--image", "7", "--coordinator", fleet.url], env={**os.environ, "MUSTER_TOKEN": fleet.token("admin")},
            text=True, capture_output=True)
        expect("the command says the same", asked.returncode == 75 and "did not confirm" in asked.stderr and " no " in asked.stdout, asked)
    finally:
        os.kill(stopped, signal.SIGCONT)
    until("all confirm again", lambda: all(edge["confirmed"] for edge in fleet.ask("POST", "/v1/edges/purge", {"all": True})["edges"]))


def decoded(picture):
    """What ZBar's reader, which knows nothing of this program, reads in a file."""
    return subprocess.run(["zbarimg", "--raw", "--quiet", "--oneshot", "-Sbinary", picture], text=True, capture_output=True).stdout


SHADES = {" ": (255, 255), "\u2580": (0, 255), "\u2584": (255, 0), "\u2588": (0, 0)}


def photographed(lines, name):
    """Half blocks, black on white, as a dark terminal shows them: a PGM."""
    begins, ends = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
    expect("each line says both colours", all(line.startswith(begins) and line.endswith(ends) for line in lines), lines[:2])
    cells = [[SHADES[character] for character in line[len(begins):-len(ends)]] for line in lines]
    rows = [bytes(cell[half] for cell in row for _ in range(4)) for row in cells for half in range(2) for _ in range(4)]
    dark = bytes([20])
    wide = [dark * (len(rows[0]) + 40)] * 20
    rows = wide + [dark * 20 + row + dark * 20 for row in rows] + wide
    path = f"{folder}/{name}.pgm"
    with open(path, "wb") as file:
        file.write(f"P5\n{len(rows[0])} {len(rows)}\n255\n".encode() + b"".join(rows))
    return path


def in_a_terminal(columns, fleet, *arguments):
    """What a command prints there, and what it notes."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**os.environ, "MUSTER_TOKEN": fleet.token("admin"), "TERM": "xterm", "LANG": "C.UTF-8"}
    process = subprocess.Popen([muster, *arguments, "--coordinator", fleet.url], env=environment, stdin=subprocess.DEVNULL, stdout=its, stderr=subprocess.PIPE)
    os.close(its)
    said = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break  # Nobody has the other side any more.
        if not piece:
            break
        said += piece
    os.close(ours)
    _, notes = process.communicate(timeout=60)
    expect("the command ends well", process.returncode == 0, notes)
    return said.decode().splitlines(), notes.decode()


def qr_codes(driver, fleet):
    """Of a token's line, on the page and in a terminal; of a link to sign in by. A reader's own decoder reads them."""
    show(driver, fleet, "volunteers")
    # A browser remembers 250 of them, which a long trial has had.
    driver.execute_script("performance.clearResourceTimings()")
    press(driver, "Make a token")
    until("a QR code is there", lambda: driver.find_elements(By.CSS_SELECTOR, "main svg.qr[role=img][aria-label]"))
    line = driver.execute_script("return [...document.querySelectorAll('main pre code')].at(-1).textContent")
    expect("the line joins", line.startswith("MUSTER_TOKEN=v") and " muster worker --join http" in line, line)
    code = driver.find_element(By.CSS_SELECTOR, "main svg.qr")
    look_at(driver, "volunteers-token")
    for width, scheme in (("wide", "light"), ("phone", "dark")):
        shape(driver, width, scheme)
        # What is out of sight is not in a picture of it.
        driver.execute_script("arguments[0].scrollIntoView({ block: 'center' })", code)
        picture = f"{pictures}/qr-code-{width}-{scheme}.png"
        code.screenshot(picture)
        expect(f"a camera reads the line of it, {width}, {scheme}", decoded(picture) == line, decoded(picture))
    shape(driver, "wide", "light")
    asked = driver.execute_script("return performance.getEntriesByType('resource').map(one => one.name)")
    token = line.removeprefix("MUSTER_TOKEN=").split()[0]
    expect("the token was in no URL", any(one.endswith("/v1/qr-code") for one in asked) and not any(token in one for one in asked), asked)
    expect("nor in the log", token not in open(fleet.log).read())
    show(driver, fleet, "members")
    expect("who leaves the part leaves it", not driver.find_elements(By.CSS_SELECTOR, "svg.qr") and token not in driver.page_source)

    made = fleet.run("tokens", "create", "--label", "by camera", "--qr").splitlines()
    expect("the command prints token, line and code", made[1].startswith(f"MUSTER_TOKEN={made[0]} muster worker --join http"), made[:2])
    seen = decoded(photographed(made[2:], "token"))
    expect("a camera reads the line of a terminal", seen == made[1], seen)
    said, notes = in_a_terminal(100, fleet, "sign-in", "--qr")
    seen = decoded(photographed(said[1:], "link"))
    expect("and the link to sign in by", seen == said[0] and "/sign-in?code=" in seen, (seen, said[:1]))
    said, notes = in_a_terminal(30, fleet, "sign-in", "--qr")
    expect("a terminal that would break it gets the link, and why there is no code", len(said) == 1 and "this terminal 30" in notes, (said, notes))
    stranger = browser()
    stranger.get(seen)
    sees(stranger, "live", "#line")
    stranger.quit()
    drivers.remove(stranger)


def children(pid):
    """All below this process."""
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        for child in open(f"/proc/{pid}/task/{task}/children").read().split():
            found += [int(child), *children(child)]
    return found


def arguments_of_all():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            found.append(open(f"/proc/{pid}/cmdline", "rb").read())
        except OSError:
            pass  # it has ended
    return found


def opening(_, fleet):
    """`muster open` with a browser that is slow, so that everybody's arguments can be read meanwhile."""
    tool, said = f"{folder}/slow-browser", f"{folder}/opened"
    with open(tool, "w") as file:
        file.write(f"#!/bin/sh\necho \"$@\" >{said}.part; mv {said}.part {said}\nwhile [ ! -e {said}.end ]; do sleep 0.05; done\n")
    os.chmod(tool, 0o755)
    environment = {**os.environ, "MUSTER_TOKEN": fleet.token("admin"), "BROWSER": tool, "XDG_RUNTIME_DIR": folder}
    process = subprocess.Popen([muster, "open", "--coordinator", fleet.url], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    page = until("a browser is started", lambda: os.path.exists(said) and open(said).read().strip())
    path = page.removeprefix("file://")
    expect("the page is for its owner alone", os.stat(path).st_mode & 0o777 == 0o600 and os.stat(os.path.dirname(path)).st_mode & 0o077 == 0, page)
    code = open(path).read().split("code=")[1].split('"')[0]
    shown = arguments_of_all()
    expect("no process has the code in its arguments", not any(code.encode() in line for line in shown) and any(path.encode() in line for line in shown))
    driver = browser()
    driver.get(page)
    sees(driver, "live", "#line")
    until("the page is removed", lambda: not os.path.exists(path))
    open(f"{said}.end", "w").close()
    out, error = process.communicate(timeout=60)
    expect("it says so", process.returncode == 0 and "is open in the browser" in out, (out, error))
    environment = {key: value for key, value in environment.items() if key not in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")}
    printed = subprocess.run([muster, "open", "--coordinator", fleet.url], env=environment, text=True, capture_output=True).stdout
    expect("without a display it prints a link", printed.startswith(fleet.url + "/sign-in?code="), printed)
    driver.delete_all_cookies()
    driver.get(printed.strip())
    sees(driver, "live", "#line")
    expect("no script complains", not complaints(driver), complaints(driver))
    driver.quit()
    drivers.remove(driver)


def workers(fleet):
    return [member for member in fleet.ask("GET", "/v1/members")["members"] if member["role"] == "worker" and member["state"] == "alive"]


def other_buttons(driver, fleet):
    """Those that no other trial presses."""
    there = len(workers(fleet))
    for wanted in (there + 1, there):
        show(driver, fleet, "members")
        driver.execute_script("document.querySelector('main details').open = true")
        field = driver.find_element(By.CSS_SELECTOR, "form[aria-label='Workers of this machine'] input")
        field.clear()
        field.send_keys(str(wanted))
        sees(driver, f"muster scale {wanted}", "form[aria-label='Workers of this machine']")
        press(driver, "Scale")
        until(f"there are {wanted} workers", lambda: len(workers(fleet)) == wanted)

    gate = f"{folder}/try-again"
    job = fleet.ask("POST", "/v1/jobs", {"kernel": "exec", "priority": "interactive", "attempts": 1, "inputs": [gate], "params": {"shell": "test -e {}"}})["id"]
    show(driver, fleet, f"jobs/{job}")
    sees(driver, "failed", "main .badge")
    open(gate, "w").close()
    press(driver, "Try again")
    sees(driver, "done", "main .badge")
    expect("what failed is done when it is tried again", fleet.ask("GET", f"/v1/jobs/{job}")["done"] == 1)

    show(driver, fleet, "children")
    numbers = driver.find_elements(By.CSS_SELECTOR, "form[aria-label='New children'] input")[1]
    numbers.clear()
    numbers.send_keys("10000000")
    press(driver, "Spawn")
    newest = lambda: fleet.ask("GET", "/v1/children?limit=1")["children"][0]
    until("a child has begun that takes long", lambda: newest()["numbers"] == 10000000 and newest()["state"] == "running")
    press_in_line(driver, newest()["name"], "Cancel")
    press(driver, "Cancel", "dialog button")
    until("it is called off", lambda: newest()["state"] == "cancelled")
    until("and shown so", lambda: "cancelled" in line_of(driver, newest()["name"]))

    show(driver, fleet, "volunteers")
    made = fleet.ask("POST", "/v1/tokens", {"label": "to be revoked"})
    until("the new token is listed", lambda: line_of(driver, "to be revoked"))
    press_in_line(driver, "to be revoked", "Revoke")
    sees(driver, f"muster tokens revoke {made['id']}", "dialog")
    press(driver, "Revoke", "dialog button")
    until("it is shown as revoked", lambda: "revoked" in line_of(driver, "to be revoked").replace("to be revoked", ""))
    expect("and is", next(one for one in fleet.ask("GET", "/v1/tokens")["tokens"] if one["id"] == made["id"]).get("revoked"))
    press(driver, "Make a token")
    sees(driver, "MUSTER_TOKEN=v", "main")
    press(driver, "Copy")
    until("what is copied is said to be", lambda: re.search("Copied|Selected", text(driver, "#toasts")))

    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": folder})
    show(driver, fleet, "system")
    driver.find_element(By.LINK_TEXT, "Download a backup").click()
    backup = f"{folder}/muster-backup.db"
    until("the backup is there", lambda: os.path.exists(backup))
    expect("it is a database", open(backup, "rb").read(15) == b"SQLite format 3")


FIND = "const line = [...document.querySelectorAll('main .line')].find(one => one.innerText.includes(arguments[0])); "


def line_of(driver, words):
    return driver.execute_script(FIND + "return line?.innerText ?? ''", words)


def press_in_line(driver, words, button):
    pressed.add(button)
    find = "const found = [...line?.querySelectorAll('button') ?? []].find(one => one.innerText === arguments[1] && !one.hidden); "
    until(f"{button} of {words}", lambda: driver.execute_script(FIND + find + "found?.click(); return Boolean(found)", words, button))


def no_button_is_left_out(driver, fleet):
    """Of all that any part shows to who may act."""
    ended = [job["id"] for state in ("failed", "cancelled", "done") for job in fleet.ask("GET", f"/v1/jobs?limit=1&state={state}")["jobs"]]
    running = fleet.ask("POST", "/v1/jobs", {"kernel": "sleep", "count": 1000, "params": {"ms": 1000}})["id"]
    seen = set()
    for part in ["overview", "members", f"members/{a_worker(fleet)}", "jobs", *(f"jobs/{job}" for job in [running, *ended]), "children", "commands", "commands/1",
        "edges", "volunteers", "system"]:
        show(driver, fleet, part)
        driver.execute_script("document.querySelectorAll('main details').forEach(one => { one.open = true; })")
        if part.startswith("jobs/"):
            until("the job's buttons", lambda: driver.find_elements(By.CSS_SELECTOR, "main .card button"))
        seen |= set(driver.execute_script("return [...document.querySelectorAll('main button, main a.button')].map(one => one.innerText.trim()).filter(Boolean)"))
    fleet.run("cancel", str(running))
    seen -= {"Download a backup"}  # which is a link
    expect(f"each of {len(seen)} buttons was pressed", len(seen) > 10 and not seen - pressed, sorted(seen - pressed))


def limits_are_told(driver, fleet):
    """One that is met shows, with how often; one that is met again counts."""
    show(driver, fleet, "system")
    sees(driver, "Limits that were met", "main")
    for count in (1, 2):
        answer = fetch(driver, "/v1/scale", method="POST", body=" " * 70000)
        expect("a body that is too large is refused by name", answer[0] == 413 and json.loads(answer[1])["limit"] == "request-body", answer)
        until(f"the limit is told {count} times", lambda: driver.execute_script(
            "return [...document.querySelectorAll('main section tr')].some(one => one.innerText.includes('request-body') && one.querySelector('.num')?.innerText === arguments[0])",
            str(count)))
    sees(driver, "at most 65536 here", "main .said")
    look_at(driver, "system-limits")
    screen = fleet.run("status")
    expect("muster status warns of it in one line", len([line for line in screen.splitlines() if "request-body 2 times" in line and line.startswith("! ")]) == 1, screen)


def signed_out_elsewhere(fleet):
    """Another window of the same browser signs out; then the coordinator starts with another token."""
    driver = browser()
    enter(driver, fleet, fleet.token("admin"))
    show(driver, fleet, "members")
    first = driver.current_window_handle
    driver.switch_to.new_window("window")
    show(driver, fleet, "jobs")
    driver.find_element(By.ID, "sign-out").click()
    sees(driver, "Sign in to this fleet")
    driver.switch_to.window(first)
    sees(driver, "Sign in to this fleet")
    expect("who signed out in one window is out in all", fetch(driver, "/v1/overview")[0] == 401 and not driver.find_elements(By.ID, "line"))
    driver.quit()
    drivers.remove(driver)

    alone = Fleet("coordinator", "revoked")
    job = alone.ask("POST", "/v1/jobs", {"kernel": "noop", "count": 5})["id"]
    open_pages = []
    for part in ("overview", f"jobs/{job}"):
        driver = browser()
        enter(driver, alone, alone.token("admin"))
        show(driver, alone, part)
        open_pages.append(driver)
    old = alone.token("admin")
    end_of(alone)
    os.remove(f"{alone.data}/coordinator/admin.token")
    alone.start(alone.port)
    expect("the token is another", alone.token("admin") != old)
    for driver in open_pages:
        sees(driver, "Sign in to this fleet")
        expect("a page whose token is revoked goes on with nothing", fetch(driver, "/v1/overview")[0] == 401 and "noop" not in text(driver))
    expect("and follows nothing", metric(alone, "muster_pages_open") == 0)
    enter(open_pages[0], alone, old)
    sees(open_pages[0], "neither the admin nor the read token")
    enter(open_pages[0], alone, alone.token("admin"))
    sees(open_pages[0], "live", "#line")
    for driver in open_pages:
        driver.quit()
        drivers.remove(driver)
    end_of(alone)
    say("ok: the new token lets it in again")
