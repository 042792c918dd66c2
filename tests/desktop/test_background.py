"""Work off the screen: lanes keep apart, answers come back on the screen's thread, nothing leaks."""

from __future__ import annotations

import gc
import logging
import threading

import pytest
from PySide6.QtCore import QThread
from PySide6.QtWidgets import QWidget

from alumni_desk.desktop import background
from alumni_desk.desktop.background import Lanes
from alumni_desk.errors import KnownError


def test_an_answer_comes_back_on_the_screens_thread(lanes, qtbot):
    seen = []
    lanes.read(lambda: threading.current_thread().name, lambda name: seen.append((name, QThread.currentThread().isMainThread())))
    qtbot.waitUntil(lambda: bool(seen))
    name, on_screen = seen[0]
    assert name.startswith("reading") and on_screen


def test_a_server_that_does_not_answer_holds_up_nothing_here(lanes, qtbot):
    gate = threading.Event()
    seen = []
    lanes.send(gate.wait, lambda done: seen.append("sent"))
    lanes.write(lambda: "saved", seen.append)
    lanes.work(lambda: "printed", seen.append)
    lanes.read_long(lambda job: "backed up", seen.append)
    qtbot.waitUntil(lambda: sorted(seen) == ["backed up", "printed", "saved"])
    gate.set()
    qtbot.waitUntil(lambda: len(seen) == 4)


def test_writes_keep_their_order(lanes, qtbot):
    seen = []
    for number in range(20):
        lanes.write(lambda n=number: n, seen.append)
    qtbot.waitUntil(lambda: len(seen) == 20)
    assert seen == list(range(20))


def test_of_several_lookups_with_one_key_only_the_newest_answers(lanes, qtbot):
    gate = threading.Event()
    seen = []
    lanes.read(gate.wait, lambda done: seen.append("first"), key="find")
    lanes.read(lambda: 2, seen.append, key="find")
    lanes.read(lambda: 3, seen.append, key="find")
    gate.set()
    qtbot.waitUntil(lanes.idle)
    assert seen == [3]


def test_a_known_error_reaches_the_caller_with_its_sentence(lanes, qtbot):
    def fail():
        raise KnownError("disk_full", "The disk is full. Free some space and try again.")

    seen = []
    lanes.write(fail, None, seen.append)
    qtbot.waitUntil(lambda: bool(seen))
    assert seen[0].code == "disk_full" and str(seen[0]).startswith("The disk is full")


def test_an_error_nobody_takes_is_told_as_trouble(lanes, qtbot):
    def fail():
        raise KnownError("disk_full", "The disk is full.")

    with qtbot.waitSignal(lanes.trouble) as told:
        lanes.write(fail)
    assert told.args[0].code == "disk_full"


def test_a_bug_is_logged_without_its_text_and_told_in_clear_words(lanes, qtbot, caplog):
    name = "-".join(["Mei", "Ling"])

    def fail():
        raise ValueError(name)

    seen = []
    with caplog.at_level(logging.ERROR):
        lanes.write(fail, None, seen.append)
        qtbot.waitUntil(lambda: bool(seen))
    assert seen[0].code == "bug"
    assert "ValueError" in caplog.text and name not in caplog.text


def test_progress_and_cancel(lanes, qtbot):
    steps = []

    def work(job):
        done = 0
        while not job.cancelled() and done < 1_000_000:
            done += 1
            job.progress(done, 1_000_000)
            if done == 3:
                gate.wait()
        return done

    gate = threading.Event()
    seen = []
    job = lanes.write_long(work, seen.append, progress=lambda done, total: steps.append((done, total)))
    qtbot.waitUntil(lambda: len(steps) == 3)
    job.cancel()
    gate.set()
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [3] and steps[0] == (1, 1_000_000)


class Asker(QWidget):
    heard = 0

    def listen(self, answer):
        Asker.heard += 1

    def ask(self, lanes, work):
        lanes.read(work, self.listen)

    def ask_in_other_words(self, lanes, work):
        lanes.read(work, lambda answer: self.listen(answer))


@pytest.mark.parametrize("ask", [Asker.ask, Asker.ask_in_other_words])
def test_an_answer_to_a_widget_that_is_gone_is_dropped(lanes, qtbot, ask):
    import shiboken6

    asker = Asker()
    gate = threading.Event()
    Asker.heard = 0
    ask(asker, lanes, gate.wait)
    shiboken6.delete(asker)
    gate.set()
    qtbot.waitUntil(lanes.idle)
    assert Asker.heard == 0


def test_whoever_cancels_breaks_off_what_the_job_waits_for_and_nothing_after_it(lanes, qtbot):
    under_way, broken_off, over = threading.Event(), threading.Event(), threading.Event()
    ends = []

    def work(job):
        with job.ended_by(lambda: (ends.append("wait"), broken_off.set())):
            under_way.set()
            broken_off.wait()
        over.wait()

    lanes.read_on(work, ends.append, key="find")
    under_way.wait()
    lanes.read_on(lambda job: 2, ends.append, key="find")
    assert broken_off.wait(5) and ends == ["wait"]
    over.set()
    qtbot.waitUntil(lanes.idle)
    assert ends == ["wait", 2]


def test_what_is_read_first_has_begun_when_the_screen_goes_on(lanes, qtbot, monkeypatch):
    monkeypatch.setattr(background, "BEGIN_S", 10)
    gate = threading.Event()
    job = lanes.read_first(gate.wait, key="find")
    assert job.begun.is_set()
    gate.set()
    qtbot.waitUntil(lanes.idle)


def test_closing_ends_every_thread_and_drops_what_waits_but_for_what_was_to_be_saved(qtbot):
    lanes = Lanes()
    ran = []
    stopped = threading.Event()

    def listen(job):
        while not job.cancelled():
            stopped.wait(0.01)

    lanes.listen(listen)
    lanes.write_long(listen)
    lanes.write(lambda: ran.append("a scan behind another one"))
    lanes.write_long(lambda job: None if job.cancelled() else ran.append("an import"))
    lanes.read_long(listen)
    lanes.read_long(lambda job: ran.append("a paper"))
    assert not lanes.idle()
    lanes.close()
    assert lanes.idle(), "what was under way is not, once the lanes are closed"
    assert ran == ["a scan behind another one"]
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("writing", "reading", "working", "sending", "listening"))]
    after = lanes.write(lambda: ran.append(2))
    assert after.cancelled() and 2 not in ran


def test_the_collector_leaves_the_beginning_alone_until_the_window_closes(qtbot, monkeypatch):
    monkeypatch.setattr(background, "SETTLED_MS", 0)
    lanes = Lanes()
    qtbot.waitUntil(lambda: gc.get_freeze_count() > 0)
    lanes.close()
    assert gc.get_freeze_count() == 0
