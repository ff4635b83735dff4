"""The reader of pages finds what it is for: a wrong output, a wrong code, a block that nobody would run."""

import pathlib
import shutil
import signal
import tempfile
import unittest

import pages
import run


def page(body, marks=""):
    return f"# A page\n\n{marks}```console\n{body}\n```\n"


class Reading(unittest.TestCase):
    def refused(self, text, words):
        with self.assertRaises(pages.PageError) as caught:
            pages.steps("page.md", text)
        self.assertIn(words, str(caught.exception))

    def test_commands_and_what_they_show(self):
        steps, host = pages.steps("page.md", page("$ one\nhere\n$ two \\\n>   three"))
        self.assertFalse(host)
        self.assertEqual([(step.line, step.text, step.shown) for step in steps], [(4, "one", ["here"]), (6, "two \\\n  three", [])])

    def test_marks(self):
        steps, _ = pages.steps("page.md", page("$ one", "<!-- exit: 64 -->\n<!-- needs: docker -->\n<!-- varies: a | b c -->\n"))
        self.assertEqual((steps[0].code, steps[0].needs, steps[0].varies), (64, "docker", ["a", "b c"]))

    def test_blocks_that_nobody_would_run(self):
        self.refused("Text\n\n    muster up\n", "indented")
        self.refused("```sh\nmuster up\n```\n", "'sh'")
        self.refused("```console\nmuster up\n```\n", "begins with")
        self.refused("```console\n$ muster up\n", "does not end")
        self.refused("<!-- vary: 1 -->\n", "no mark")
        self.refused("<!-- exit: 1 -->\nText\n", "no block behind")
        self.refused(page("$ one\n$ two", "<!-- stays -->\n"), "only command")


class Comparing(unittest.TestCase):
    def fits(self, shown, came, varies=()):
        return pages.fits(pages.Step(1, "run", "x", shown=shown.split("\n"), varies=list(varies)), came)

    def test_same(self):
        self.assertTrue(self.fits("a  b", "a b\r\n"))
        self.assertTrue(self.fits("", ""))
        self.assertTrue(self.fits("…\nend", "one\ntwo\nend\n"))
        self.assertTrue(self.fits("a … c", "a b c"))
        self.assertTrue(self.fits("7 bytes in 4.66 ms at 2026-01-31 12:00:00", "7 bytes in 12 s at 2027-02-01 00:00:00"))
        self.assertTrue(self.fits("5 done in 422 ms, 11.8/s", "5 children: 1 of 5 (20%), 16/min, 6 s elapsed\n5 done in 6.3 s, 47.3/min"))
        self.assertTrue(self.fits("worker-1 done", "worker-4 done", ["worker-1"]))

    def test_other(self):
        self.assertFalse(self.fits("sum 13", "sum 14"))
        self.assertFalse(self.fits("one", "one\ntwo"))
        self.assertFalse(self.fits("", "one"))
        self.assertFalse(self.fits("one", ""))
        self.assertFalse(self.fits("7 bytes in 4.66 ms", "8 bytes in 4.66 ms"))
        self.assertFalse(self.fits("worker-1 done", "worker-4 failed", ["worker-1"]))


class Running(unittest.TestCase):
    """Planted: pages that are wrong in one place each."""

    def findings(self, text):
        place = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, place)
        (place / "page.md").write_text(text)
        return run.run(pathlib.Path("/bin/true"), place / "page.md")[4]

    def test_right(self):
        self.assertEqual(self.findings(page("$ x=5\n$ echo $((x + 1))\n6\n$ hostname\nbox")), [])
        self.assertEqual(self.findings(page("$ sh -c 'echo no; exit 3'\nno", "<!-- exit: 3 -->\n")), [])
        self.assertEqual(self.findings("<!-- file: a.txt -->\n```text\nhello\n```\n\n" + page("$ cat a.txt\nhello")), [])

    def test_wrong_output(self):
        found = self.findings(page("$ echo 6\n7"))
        self.assertEqual(len(found), 1)
        self.assertIn("page.md:4: another output: echo 6", found[0])

    def test_wrong_code(self):
        self.assertIn("exit code 1, not 0", self.findings(page("$ false"))[0])
        self.assertIn("exit code 0, not 1", self.findings(page("$ true", "<!-- exit: 1 -->\n"))[0])

    def test_what_stays_ends_with_its_page(self):
        # A program that can be interrupted from the moment on in which it says that it is up, as a shell before its `exec` cannot.
        program = """python3 -uc 'import time; print("up"); time.sleep(1000)' 2>/dev/null"""
        text = page(f"$ {program}\nup", "<!-- stays -->\n") + "\n" + page("$ pgrep -fc 'time[.]sleep'\n1")
        ended = page("$ pgrep -fc 'time[.]sleep'\n0", "<!-- exit: 1 -->\n")
        self.assertEqual(self.findings(text + "\n<!-- ends: python3 -->\n" + ended), [])
        self.assertIn("nothing that stays", self.findings("<!-- ends: nobody -->\n")[0])

    def test_what_stays_ends_where_ctrl_c_is_ignored(self):
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        self.test_what_stays_ends_with_its_page()

    def test_skipped(self):
        place = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, place)
        (place / "page.md").write_text(page("$ false", "<!-- needs: no-such-program -->\n") + page("$ false", "<!-- elsewhere: a cluster -->\n"))
        _, ran, _, skipped, found, _ = run.run(pathlib.Path("/bin/true"), place / "page.md")
        self.assertEqual((ran, found, [(why, missing) for _, why, missing, _ in skipped]), (0, [], [("needs no-such-program", True), ("a cluster", False)]))


if __name__ == "__main__":
    unittest.main()
