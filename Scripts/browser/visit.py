"""Chromium against a fleet and an edge: `visit.py FLEET LINK PAGES EDGE FOLDER`."""

import json
import sys
import tempfile
import urllib.parse

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
        expect("the link signs in", "signed in" in text(owner), text(owner))
        owner.get(fleet + "/v1/jobs")
        expect("then it may look", json.loads(text(owner)) == {"jobs": []}, text(owner))
        status, body = fetch(owner, fleet + "/v1/jobs", method="POST", body='{"kernel":"sleep","count":1}')
        expect("and ask for a job", status == 201, body)
        stranger.get(link)
        expect("the link is good once", "/problems/link" in text(stranger), text(stranger))
        return foreign_pages(owner)
    finally:
        owner.quit()
        stranger.quit()


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


signing_in()
rebound_name()
conditional_reading()
