"""Chromium against a fleet and an edge: `visit.py FLEET LINK PAGES EDGE FOLDER`. The edge's lines are in FOLDER/edge.log."""

import json
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

fleet, link, pages, edge, folder = sys.argv[1:]


def browser(*arguments):
    """One that knows nothing yet."""
    options = webdriver.ChromeOptions()
    profile = tempfile.mkdtemp(dir=folder)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", *arguments):
        options.add_argument(argument)
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def text(driver):
    return driver.find_element(By.TAG_NAME, "body").text


def expect(what, is_so, seen):
    print(("ok: " if is_so else "NOT: ") + what)
    if not is_so:
        sys.exit(f"seen: {seen}")


FETCH = """
const done = arguments[2];
fetch(arguments[0], arguments[1]).then(async answer => done([answer.status, await answer.text()])).catch(error => done([0, String(error)]));
"""


def fetch(driver, url, **options):
    return driver.execute_async_script(FETCH, url, options)


def signing_in():
    owner, stranger = browser(), browser()
    try:
        owner.get(fleet + "/v1/jobs")
        expect("without a link a browser may not look", "/problems/no-token" in text(owner), text(owner))
        owner.get(link)
        expect("the link signs in", "Muster" in owner.title and "Sign in" not in text(owner), text(owner))
        owner.get(fleet + "/v1/jobs")
        expect("then it may look", json.loads(text(owner)) == {"jobs": []}, text(owner))
        status, body = fetch(owner, fleet + "/v1/jobs", method="POST", body='{"kernel":"sleep","count":1}')
        expect("and ask for a job", status == 201, body)
        stranger.get(link)
        expect("the link is good once", "/problems/link" in text(stranger), text(stranger))
        page_as_member(owner)
        return foreign_pages(owner)
    finally:
        owner.quit()
        stranger.quit()


def page_as_member(owner):
    """What docs/websocket.md shows, in the browser that is signed in."""
    with open("docs/websocket.md") as page:
        script = page.read().split("```javascript\n")[1].split("```")[0]
    owner.get(fleet + "/")
    owner.execute_async_script(f"const done = arguments[0]; (async () => {{ {script} socket.onopen = done; }})()")
    status, body = fetch(owner, fleet + "/v1/commands", method="POST", body='{"command":"GO"}')
    expect("a page commands the fleet", status == 202, body)
    command = f"{fleet}/v1/commands/{json.loads(body)['id']}"
    for _ in range(100):
        outcomes = json.loads(fetch(owner, command)[1])["outcomes"]
        of_page = [entry["outcome"] for entry in outcomes if entry["name"] == "a page"]
        if of_page == ["delivered"]:
            break
        time.sleep(0.1)
    expect("a page is a member, and takes commands", of_page == ["delivered"] and owner.title == "GO", outcomes)


def foreign_pages(owner):
    """In the very browser that is signed in, and where classic routes need no token."""
    elsewhere = pages.replace("127.0.0.1", "localhost")
    for path in ("/create-child", "/assign/all", "/send-command"):
        owner.get(elsewhere)
        owner.execute_script("document.forms[0].action = arguments[0]; document.forms[0].submit()", fleet + path)
        expect(f"another site's form posts nothing to {path}", '"status":403' in text(owner), text(owner))
        owner.get(elsewhere)
        status, body = fetch(owner, fleet + path, method="POST", mode="no-cors", credentials="include")
        expect(f"nor does its script", body == "", body)
    owner.get(fleet + "/progress")
    counts = json.loads(text(owner))["children"]
    expect("no child came of it", set(counts.values()) == {0}, counts)


def rebound_name():
    """A name of somebody else's that leads to the fleet: its page is of the same origin, and still a stranger's."""
    port = urllib.parse.urlsplit(fleet).port
    driver = browser("--host-resolver-rules=MAP evil.example 127.0.0.1")
    try:
        driver.get(f"http://evil.example:{port}/healthz")
        status, body = fetch(driver, "/create-child", method="POST")
        expect("a rebound name is refused", status == 403, (status, body))
    finally:
        driver.quit()


def conditional_reading():
    driver = browser()
    try:
        driver.get(pages.replace("127.0.0.1", "localhost"))
        for place in (pages, edge, edge):
            answers = [
                fetch(driver, place + "/read", cache="no-store", headers={"If-None-Match": tag})
                for tag in ('"0"', '"1"')
            ]
            expect(f"a page may read a 304 of {place}", answers == [[200, "hello"], [304, ""]], answers)
    finally:
        driver.quit()


PLAY = """
const done = arguments[0], audio = document.querySelector("audio");
audio.muted = true;
audio.onerror = () => done(String(audio.error && audio.error.message));
audio.onseeked = () => audio.play().then(() => setTimeout(() => done("played"), 500), error => done(String(error)));
const seek = () => { audio.currentTime = audio.duration * 0.8; };
if (audio.readyState >= 1) seek(); else audio.onloadedmetadata = seek;
"""


def cache_words(since):
    """What the edge's lines say of the sound, from this one on; and how many lines there are."""
    with open(f"{folder}/edge.log") as file:
        lines = [json.loads(line) for line in file if line.startswith("{")]
    return [line.get("cache") for line in lines[since:] if line.get("target") == "/sound.wav"], len(lines)


def play():
    driver = browser("--autoplay-policy=no-user-gesture-required")
    try:
        driver.get(edge + "/player")
        outcome = driver.execute_async_script(PLAY)
        expect("the sound is played from its last fifth", outcome == "played", outcome)
    finally:
        driver.quit()


def is_stored():
    """Whether the edge has the sound's end by now; a question that fetches nothing."""
    asked = urllib.request.Request(
        edge + "/sound.wav", headers={"Range": "bytes=-100", "Cache-Control": "only-if-cached"}
    )
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.headers["X-Cache"] == "HIT"
    except urllib.error.HTTPError:
        return False


def playing_twice():
    """The second visitor's player asks for nothing that the edge has not by then."""
    play()
    until = time.monotonic() + 60
    while not is_stored() and time.monotonic() < until:
        time.sleep(0.2)
    # Lines are written behind the answers.
    time.sleep(0.5)
    words, lines = cache_words(0)
    expect("the first visit was fetched", "MISS" in words, words)
    play()
    time.sleep(0.5)
    words, _ = cache_words(lines)
    expect(f"the second visit is all HIT ({len(words)} answers)", set(words) == {"HIT"}, words)


signing_in()
rebound_name()
playing_twice()
conditional_reading()
