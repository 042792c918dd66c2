"""Holding a QR code before the camera. It needs Qt's multimedia part (the extra ``camera``); without it nobody is offered this."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QCameraPermission, QCoreApplication, QRect, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtMultimedia import QCamera, QMediaCaptureSession, QMediaDevices, QVideoFrame, QVideoSink
from PySide6.QtWidgets import QHBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button, Choice, Label
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_ground
from alumni_desk.desktop.qr_reading import codes_in
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.tokens import CARD_RADIUS
from alumni_desk.words import _

SHOWN_S = 1 / 15
"""At most so often a frame is shown: turning one into a picture takes this thread some 3 ms."""

LARGEST = 1280
"""Pixels across: more only costs time, for a code on a screen or a sheet fills much of the picture."""


class CameraSheet(PlainSheet):
    """What the camera sees, until a QR code in it is what is wanted: ``wanted(text)`` says so, and has then done with it. ``other``: said of other codes."""

    is_form = False

    def __init__(self, parent: QWidget, lanes: Lanes, wanted: Callable[[str], bool], other: str) -> None:
        super().__init__(parent, _("Hold the square code before the camera"), width=640)
        self._lanes, self._wanted, self._other = lanes, wanted, other
        self._reads, self._shown_at = False, 0.0
        self.said = Label("", tone="muted", wrap=True)
        self.column.addWidget(self.said)
        self.view = View()
        self.view.hide()
        self.column.addWidget(self.view)
        self.sink = QVideoSink(self)
        self.sink.videoFrameChanged.connect(self._frame)
        self._session = QMediaCaptureSession(self)
        self._session.setVideoSink(self.sink)
        self._camera: QCamera | None = None
        self._found = QMediaDevices.videoInputs()
        foot = QWidget()
        row = QHBoxLayout(foot)
        self.which = Choice(_("Camera"))
        self.which.addItems([one.description() for one in self._found])
        self.which.setVisible(len(self._found) > 1)
        self.which.currentIndexChanged.connect(self._start)
        row.addWidget(self.which)
        row.addStretch(1)
        cancel = Button(_("Cancel"))
        cancel.clicked.connect(self.reject)
        cancel.setFocus()
        row.addWidget(cancel)
        self.set_foot(foot)
        self.finished.connect(self._stop)

    def begin(self) -> None:
        """Ask the system whether the camera may be used, where it wants to be asked, and start."""
        app, permission = QCoreApplication.instance(), QCameraPermission()
        if app is None or app.checkPermission(permission) == Qt.PermissionStatus.Granted:
            self._start()
        else:
            app.requestPermission(permission, self, self._answered)

    def _answered(self, permission: QCameraPermission) -> None:
        app = QCoreApplication.instance()
        if app is not None and app.checkPermission(permission) == Qt.PermissionStatus.Granted:
            self._start()
        else:
            self._say(_("This computer does not let Alumni Desk use the camera. Allow it in the system’s privacy settings, or type the code."), "danger")

    def _start(self, at: int = 0) -> None:
        self._stop()
        if not self._found:
            self._say(_("No camera was found on this computer. Type the code, or open a picture of it."), "danger")
            return
        device = self._found[max(0, min(at, len(self._found) - 1))]
        self._camera = QCamera(device, self)
        small = [one for one in device.videoFormats() if one.resolution().width() <= LARGEST]
        if small:
            self._camera.setCameraFormat(max(small, key=lambda one: (one.resolution().width(), one.maxFrameRate())))
        self._camera.errorOccurred.connect(self._failed)
        self._session.setCamera(self._camera)
        self.view.show()
        self._say(_("The whole square must be in the picture, and sharp."))
        self._camera.start()

    def _stop(self) -> None:
        if self._camera is not None:
            self._camera.stop()
            self._camera.deleteLater()
            self._camera = None

    def _failed(self, error: QCamera.Error, reason: str) -> None:
        if error != QCamera.Error.NoError:
            self.view.hide()
            self._say(_("The camera cannot be used ({reason}). Close other programs that use it, or type the code.").format(reason=reason), "danger")

    def _say(self, sentence: str, tone: str = "muted") -> None:
        self.said.setText(sentence)
        self.said.set_tone(tone)  # type: ignore[arg-type]

    def _frame(self, frame: QVideoFrame) -> None:
        now = time.monotonic()
        if not self.isVisible() or now - self._shown_at < SHOWN_S:
            return
        self._shown_at = now
        image = frame.toImage()
        self.view.show_image(image)
        if not self._reads:
            self._reads = True
            self._lanes.read(lambda: codes_in(image), self._read, key="camera")

    def _read(self, found: list[str]) -> None:
        self._reads = False
        if not self.isVisible():
            return
        if any(self._wanted(text) for text in found):
            self.accept()
        elif found:
            self._say(self._other, "warn")


class View(QWidget):
    """The newest frame, as a mirror shows it: people move a sheet the right way by themselves."""

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage()
        self.setFixedHeight(px(330))
        self.setAccessibleName(_("What the camera sees"))

    def show_image(self, image: QImage) -> None:
        self._image = image
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_ground(painter, self.rect(), look(self).fill, CARD_RADIUS)
        if self._image.isNull():
            return
        size: QSize = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        place = QRect(0, 0, size.width(), size.height())
        place.moveCenter(self.rect().center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.translate(self.width(), 0)
        painter.scale(-1, 1)
        painter.drawImage(place, self._image)
