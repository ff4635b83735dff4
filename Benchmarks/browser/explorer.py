"""The explorer beside one picture: `explorer.py MUSTER URL ROUNDS ESCAPE`. Prints one JSON line; exits 69 where there is no Chromium.

One view of 1920 x 1080 over the whole set, in the page's own canvas, until the page says that it is complete; then `muster render` of the
same pixels, in turn. Each round has an escape limit of its own, so that nothing is in a cache, and both have the same.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

muster, url, rounds, escape = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ImportError:
    webdriver = None
if not (webdriver and CHROMIUM and DRIVER):
    sys.stderr.write("no Chromium with its driver and Selenium here (Debian: chromium, chromium-driver, python3-selenium)\n")
    sys.exit(69)

WIDTH, HEIGHT = 1920, 1080
# At level 3 a pixel of a tile is one of the page; the set is 2.24 high, its body 2.1.
RE, IM, SPAN = "-0.5", "0", "3.75"

# The stage fills the window, so that the view is as large as the picture.
STAGE = "Object.assign(document.documentElement.style, { scrollbarGutter: 'auto', overflow: 'hidden' }); Object.assign(document.getElementById('stage').style, { position: 'fixed', inset: '0', zIndex: '9', border: '0', borderRadius: '0' });"
# From the moment that "Go there" is pressed until all of the place is drawn, milliseconds: the page says so in the frame that draws it, and a
# message that is sent then is read when that frame is made. And how many pictures and tiles were asked for until then.
GO = """
const [place, done] = arguments;
const work = document.getElementById('work');
performance.clearResourceTimings();
performance.setResourceTimingBufferSize(5000);
for (const [name, value] of Object.entries(place)) document.getElementById(name).value = value;
const began = performance.now();
let isOff = false;
const watch = new MutationObserver(look);
const { port1, port2 } = new MessageChannel();
port2.onmessage = () => {
  const all = performance.getEntriesByType('resource').filter(one => /tiles|mandelbrot/.test(one.name));
  const map = document.getElementById('map');
  done({ milliseconds: performance.now() - began, requests: all.length, width: map.width, height: map.height });
};
function look() {
  if (work.textContent !== 'complete') isOff = true;
  else if (isOff) {
    watch.disconnect();
    port1.postMessage(null);
  }
}
watch.observe(work, { childList: true, characterData: true, subtree: true });
document.getElementById('place').requestSubmit();
"""


def browser(profile):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--force-device-scale-factor=1", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(60)
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": False})
    driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    return driver


def picture(path, limit):
    began = time.monotonic()
    subprocess.run(
        [muster, "render", "-o", path, "--coordinator", url, "--quiet", "--width", str(WIDTH), "--height", str(HEIGHT), f"--re={RE}",
         f"--im={IM}", f"--span={SPAN}", "--escape", str(limit)], check=True)
    return (time.monotonic() - began) * 1000


def main(folder):
    driver = browser(folder + "/profile")
    views, pictures = [], []
    try:
        driver.get(url + "/explore")
        driver.execute_script(STAGE)
        # The first round warms both up, and is not counted.
        for round in range(rounds + 1):
            limit = escape + round
            place = {"re": RE, "im": IM, "span": SPAN, "escape": limit}
            view = driver.execute_async_script(GO, place)
            if (view["width"], view["height"]) != (WIDTH, HEIGHT):
                sys.exit(f"the view is {view['width']} x {view['height']}")
            # What the page asks for afterwards is over.
            time.sleep(0.5)
            took = picture(folder + "/set.png", limit)
            if round:
                views.append(view)
                pictures.append(took)
    finally:
        driver.quit()
    times = [view["milliseconds"] for view in views]
    print(json.dumps({"view": statistics.median(times), "picture": statistics.median(pictures), "requests": views[0]["requests"],
        "views": times, "pictures": pictures}))


with tempfile.TemporaryDirectory() as folder:
    main(folder)
