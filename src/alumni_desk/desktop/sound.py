"""Three short sounds of the door, told apart with eyes closed. Without a sound device there is simply silence."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Generator
from typing import Any, Literal

from alumni_desk.resources import resource

log = logging.getLogger(__name__)
Sound = Literal["welcome", "look", "stop"]
RATE = 44100
_END = object()


class Sounds:
    """Plays one sound after another on a thread of its own; the screen never waits for it."""

    def __init__(self, *, on: bool = True) -> None:
        self.on = on
        self._wanted: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self.silent = not on
        """True once it is known that nothing can be heard here."""

    def play(self, sound: Sound) -> None:
        """Play a sound now, instead of one that still plays."""
        if self.silent:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sounds", daemon=True)
            self._thread.start()
        self._wanted.put(sound)

    def close(self) -> None:
        """End the thread and give the device back."""
        if self._thread is not None:
            self._wanted.put(_END)
            self._thread.join(timeout=2)
            self._thread = None

    def _run(self) -> None:
        try:
            import miniaudio
        except ImportError:
            self.silent = True
            return
        try:
            device = miniaudio.PlaybackDevice(nchannels=1, sample_rate=RATE, buffersize_msec=60)
        except (miniaudio.MiniaudioError, OSError) as error:  # a machine without sound
            log.info("no sound here: %s", type(error).__name__)
            self.silent = True
            return
        player = _Player()
        try:
            stream = player.stream()
            next(stream)
            device.start(stream)
            while (wanted := self._wanted.get()) is not _END:
                decoded = miniaudio.decode_file(str(resource(f"sounds/{wanted}.wav")), nchannels=1, sample_rate=RATE)
                player.begin(bytes(decoded.samples))
        except (miniaudio.MiniaudioError, OSError) as error:
            log.info("sound ended: %s", type(error).__name__)
            self.silent = True
        finally:
            device.close()


class _Player:
    """Feeds the device: the present sound, then silence."""

    def __init__(self) -> None:
        self._now = b""

    def begin(self, samples: bytes) -> None:
        self._now = samples

    def stream(self) -> Generator[bytes, int, Any]:
        frames = yield b""
        while True:
            size = frames * 2
            piece, self._now = self._now[:size], self._now[size:]
            frames = yield piece + bytes(size - len(piece))
