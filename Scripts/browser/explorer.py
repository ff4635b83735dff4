"""The explorer in Chromium: moving by mouse, keys and fingers, what is asked for and what is not, who made what, a picture as a file."""

import http.server
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse
import urllib.request

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from kit import Fleet, browser, complaints, expect, folder, judge, look_at, muster, pictures, processes, sees, shape, text, until

NASTY = "<img src=x onerror=document.title='OWNED'>"
PIXEL = """
const [x, y] = arguments, map = document.getElementById('map');
return [...map.getContext('2d').getImageData(map.width * x, map.height * y, 1, 1).data.slice(0, 3)];
"""
PICTURES = "return performance.getEntriesByType('resource').filter(one => one.name.includes('/mandelbrot.png')).map(one => one.name)"
TILES = "return performance.getEntriesByType('resource').filter(one => /tiles.*[?]/.test(one.name)).map(one => one.name)"


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
    before, (re_, _, span) = driver.execute_script(TILES + ".length"), place()
    canvas.send_keys(Keys.ARROW_LEFT)
    until("an arrow moves it", lambda: place()[0] < re_ - span / 8)
    whole("what the arrow came to is there")
    news = driver.execute_script(TILES)[before:]
    expect(f"a move asks for tiles of what is new alone, {len(news)}", len(news) == len(set(news)) < 6, news)
    canvas.send_keys("+")
    until("a key zooms", lambda: abs(place()[2] - span / 2) < span / 100)
    until("the address is the place", lambda: f"span={driver.find_element(By.ID, 'span').get_attribute('value')}" in driver.current_url)
    link = driver.current_url
    driver.get("about:blank")
    driver.get(link)
    until("a link leads there", lambda: abs(place()[2] - span / 2) < span / 100)
    driver.execute_script("document.getElementById('palette').value = 'ember'; document.getElementById('palette').dispatchEvent(new Event('change'))")
    until("another palette is asked for", lambda: any("palette=ember" in name for name in driver.execute_script(PICTURES) + driver.execute_script(TILES)))
    whole("the other palette is there")
    field = driver.find_element(By.ID, "re")
    # At one go: a field that nobody is in follows the map, and clear() leaves it.
    field.send_keys(Keys.CONTROL + "a" + Keys.NULL + "9" + Keys.ENTER)
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
    all_of_a_link(driver, fleet)
    who_made_what(driver, fleet)
    moving_by_hand(driver, fleet)
    alone = Fleet("coordinator", "map")
    workers = [worker_of(alone, f"hand-{number}") for number in range(2)]
    saving_large(driver, alone)
    better_ones_come(driver, alone, workers)
    nobody_waits(driver, alone)
    one_picture(driver, alone, workers)
    through_a_cache(driver, alone)
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
    expect("the fleet makes it", under_way(fleet) > 0)
    driver.find_element(By.ID, "cancel").click()
    until("given up, the fleet makes no more of it", lambda: under_way(fleet) == 0)


# A place with all that is set.
def all_of_a_link(driver, fleet):
    go(driver, fleet, "re=-1.25&im=0.05&span=0.5&palette=glacier&escape=1234&who=1")
    seen = [driver.find_element(By.ID, name).get_attribute("value") for name in ("re", "im", "span", "palette", "escape")]
    expect("a link restores all that is set", seen == ["-1.25", "0.05", "0.5", "glacier", "1234"] and driver.find_element(By.ID, "who").is_selected(), seen)
    asked = until("its tiles are asked for", lambda: driver.execute_script(TILES))
    expect("as it says", asked and all("palette=glacier" in one and "escape=1234" in one for one in asked), asked)


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


# Strips of pictures and tiles, and other tasks.
def under_way(fleet):
    return count(fleet, "muster_tasks_leased") + count(fleet, "muster_tasks_waiting")


# By the coordinator's own counters: a move costs what is new, and what nobody waits for any more is not computed. The fleet does
# nothing else.
def nobody_waits(driver, fleet):
    until("nothing is left from before", lambda: under_way(fleet) == 0)
    first = count(fleet, "muster_tasks_recorded_total")
    made = lambda: count(fleet, "muster_tasks_recorded_total") - first
    asked = lambda: driver.execute_script(TILES)
    # So few iterations that a tile is one strip; all of it comes by tiles where it is shown who made them.
    go(driver, fleet, "re=-0.5&im=0.5&span=1.2&escape=150&who=1")
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
    before = count(fleet, "muster_tasks_granted_total")
    driver.execute_script("location.hash = 're=-0.745&im=0.11&span=0.02&escape=4000000&who=1'")
    until("the fleet computes deep tiles", lambda: count(fleet, "muster_tasks_leased") > 0 and count(fleet, "muster_tasks_granted_total") - before > 4)
    expect("the page waits for them", "of" in text(driver, "#work"), text(driver, "#work"))
    driver.execute_script("location.hash = 're=-0.5&im=0.5&span=1.2&escape=150&who=1'")
    until("the page shows what it has", lambda: text(driver, "#work") == "complete")
    until("nothing of what nobody waits for is left", lambda: under_way(fleet) == 0)
    granted = count(fleet, "muster_tasks_granted_total") - before
    # Each tile of that depth has 256 rows, and a strip each; six were asked for at a time.
    expect(f"most of it was never computed: {granted:.0f} strips of {6 * 256} asked for", 4 < granted < 6 * 256, granted)
    made_before = made()
    go(driver, fleet, "re=0.3&im=0.5&span=3.75&escape=151&who=1")
    expect("and what comes next is made alone", made() - made_before == len(asked()), [made(), made_before])


# All that the canvas shows, as one number.
SHOWN = """
const map = document.getElementById('map');
const pixels = new Uint32Array(map.getContext('2d').getImageData(0, 0, map.width, map.height).data.buffer);
return pixels.reduce((sum, pixel) => (Math.imul(sum, 31) + pixel) | 0, 7);
"""


# A view of which nothing is there is one picture, of the pixels that its tiles have; it is given up when nobody waits, and tiles come where
# it takes long.
def one_picture(driver, fleet, workers):
    pictures_of, tiles_of = (lambda: driver.execute_script(PICTURES)), (lambda: driver.execute_script(TILES))
    shown = lambda: driver.execute_script(SHOWN)
    for level, rest in ((3, "re=-0.6&im=0.2&escape=1800"), (24, "re=-0.743643887&im=0.131825904&escape=2000"), (2, "re=0.9&im=1.2&escape=1801&palette=ember")):
        # Here a pixel of the screen is one of the level's.
        shape(driver, "wide", "light")
        span = 4 * driver.execute_script("return document.getElementById('map').width") / (256 * 2**level)
        place = f"{rest}&span={span!r}"
        go(driver, fleet, place)
        # A machine that stops for a second has it come by tiles.
        for escape in range(5000, 5003):
            if pictures_of() and len(tiles_of()) <= 1:
                break
            place = re.sub("escape=.*?(?=&|$)", f"escape={escape}", place)
            go(driver, fleet, place)
        expect(f"all of {place} is one picture", len(pictures_of()) == 1 and len(tiles_of()) <= 1, [pictures_of(), tiles_of()])
        one, canvas = shown(), driver.find_element(By.ID, "map")
        until("the square is asked for at last", lambda: tiles_of())
        canvas.send_keys(Keys.ARROW_DOWN)
        until("a move is over", lambda: shown() != one and text(driver, "#work") == "complete")
        news = tiles_of()[1:]
        expect(f"what it came to are tiles, {len(news)}", 0 < len(news) == len(set(news)) <= 8, news)
        canvas.send_keys(Keys.ARROW_UP)
        until("the way back shows the same", lambda: shown() == one)
        expect("and asks for nothing", tiles_of()[1:] == news, tiles_of())
        go(driver, fleet, place + "&who=1")
        driver.find_element(By.ID, "map").send_keys("w")
        until("its tiles show the same", lambda: shown() == one)
        expect("without a picture", not pictures_of() and len(tiles_of()) > 4, [pictures_of(), tiles_of()])
    # Where a pixel of the screen is none of the level's, no edge is left out.
    for span in (2.1, 2.2, 2.3):
        go(driver, fleet, f"re=-0.5&im=0.3&span={span}&escape=1805")
        driver.find_element(By.ID, "map").send_keys(Keys.ARROW_DOWN)
        until("a move is over", lambda: abs(place_of(driver)[1] - 0.3) > 0.05 and text(driver, "#work") == "complete")
        expect("both edges are there", driver.execute_script(EDGES) == 0, driver.execute_script(EDGES))
    go(driver, fleet, "re=-0.6&im=0.2&span=3.1&escape=1802")
    until("the square stands in for what comes next", lambda: any("/tiles/0/0/0" in one and "escape=1802" in one for one in tiles_of()))
    for worker in workers:
        worker.send_signal(signal.SIGSTOP)
    until("nothing is under way", lambda: under_way(fleet) == 0)
    driver.execute_script(ASKED)
    asked = lambda: driver.execute_script("return window.asked")
    driver.execute_script("location.hash = 're=-0.6&im=0.2&span=0.5&escape=1802'")
    until("a picture is on its way", lambda: under_way(fleet) > 0)
    driver.execute_script("location.hash = 're=-0.6&im=0.2&span=3.1&escape=1802'")
    until("it is given up when nobody looks there any more", lambda: under_way(fleet) == 0)
    expect("it was one picture", len(asked()) == 1 and "/mandelbrot.png" in asked()[0], asked())
    driver.execute_script("location.hash = 're=-0.6&im=0.2&span=0.5&escape=1803'")
    until("tiles are asked for where a picture takes long", lambda: len([one for one in asked() if "/tiles/" in one and "escape=1803" in one]) > 4)
    expect("after the picture", "/mandelbrot.png" in asked()[1] and "escape=1803" in asked()[1], asked())
    for worker in workers:
        worker.send_signal(signal.SIGCONT)
    until("and come", lambda: text(driver, "#work") == "complete")


# Black pixels at the left and the right edge.
EDGES = """
const map = document.getElementById('map'), pen = map.getContext('2d');
const black = x => [...new Uint32Array(pen.getImageData(x, 0, 1, map.height).data.buffer)].filter(pixel => (pixel & 0xffffff) === 0).length;
return black(0) + black(map.width - 1);
"""
# All that is asked for from now on, given up or not.
ASKED = """
window.asked = [];
const { fetch } = window;
window.fetch = (what, how) => { window.asked.push(String(what)); return fetch(what, how); };
"""


class Cache(http.server.BaseHTTPRequestHandler):
    upstream = ""
    head_seconds = 0
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        request = urllib.request.Request(self.upstream + self.path, method=self.command)
        with urllib.request.urlopen(request) as answer:
            body = answer.read()
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Security-Policy"):
                if answer.headers[name]:
                    self.send_header(name, answer.headers[name])
        self.send_header("X-Cache", "MISS")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):
        time.sleep(self.head_seconds)
        self.do_GET()

    def log_message(self, *_):
        pass


# What others looked at is there already, in tiles: behind a cache those are asked for.
def through_a_cache(driver, fleet):
    Cache.upstream = fleet.url
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cache)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for Cache.head_seconds in (0, 5):
        driver.get("about:blank")
        driver.get(f"http://127.0.0.1:{server.server_address[1]}/explore#re=-0.6&im=0.2&span=3.1&escape={1804 + Cache.head_seconds}")
        until("all is there through a cache", lambda: text(driver, "#work") == "complete")
        asked = [driver.execute_script(what) for what in (PICTURES, TILES)]
        expect(f"tile by tile, which waits for no answer: {Cache.head_seconds} s", not asked[0] and len(asked[1]) > 4, asked)
    server.shutdown()
