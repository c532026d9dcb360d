"""The firmware of the virtual engraver, sans-IO: bytes and time in, bytes and motion out.

Theory of operation
-------------------
`Firmware.receive` is the receive interrupt: real-time bytes act at once, the others fill the
RX ring, and what does not fit is lost. The main loop reads one line at a time; a line is a
generator that yields what it waits for (a planner slot, the end of motion, an instant) and is
gone on with when that has come. `Firmware.advance` lets time pass.

With ``eager`` the clock is discrete: time passes only when a line cannot go on without it, or
when `Firmware.settle` says that nothing else will arrive. Bytes are then taken to have come
from an ideal sender: as early as the baud rate and a full RX ring allow, so that the cycle
time is the machine's and never depends on how quick the host computer is.

Authority: grbl 1.1h serial.c, protocol.c, and measurements on unmodified grbl 1.1h.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from engraver.profiles import Machine
from firmware_bridge.virtual import mishaps, reports
from firmware_bridge.virtual.faults import Faults
from firmware_bridge.virtual.flavours import GRBL, Flavour
from firmware_bridge.virtual.motion import Executed, Motion
from firmware_bridge.virtual.parser import Modal, Refusal, strip
from firmware_bridge.virtual.planner import Planner, Vector
from firmware_bridge.virtual.receiving import LF, IdealWire, Inbox
from firmware_bridge.virtual.settings import settings_for
from firmware_bridge.virtual.state import Counters, Job, Memory, State, Wait, Waits

RESET, STATUS, HOLD, RESUME = 0x18, ord("?"), ord("!"), ord("~")
DOOR, JOG_CANCEL = 0x84, 0x85
REALTIME = frozenset({RESET, STATUS, HOLD, RESUME, *range(0x80, 0x100)})
REALTIME_BYTES = bytes(sorted(REALTIME))
ALTERNATIVE = {0x80: STATUS, 0x81: RESUME, 0x82: HOLD}
FULL_REPORT = 0x87


class Firmware:
    """A controller as the wire sees it.

    Parameters
    ----------
    machine
        Whose settings, buffers and block rate the controller has.
    beam
        Takes every executed piece of motion.
    flavour, faults
        Which firmware to play, and what shall go wrong.
    eager
        Discrete clock (see the module's theory of operation).
    on_program_end
        Called after M2 or M30 with all motion done.
    on_check
        Called when check mode begins: before each program is vetted.
    """

    def __init__(
        self,
        machine: Machine,
        beam: Callable[[Executed], None] = lambda piece: None,
        *,
        flavour: Flavour = GRBL,
        faults: Faults | None = None,
        eager: bool = False,
        on_program_end: Callable[[], None] = lambda: None,
        on_check: Callable[[], None] = lambda: None,
    ) -> None:
        self.machine, self.flavour = machine, flavour
        self.faults = Faults() if faults is None else faults
        self.memory = Memory(settings_for(machine))
        self.eager = eager
        self.counters = Counters()
        self.planner = Planner(machine.planner_blocks, self.memory.settings)
        self.motion = Motion(self.planner, beam)
        self.on_program_end, self.on_check = on_program_end, on_check
        self.program_start_s: float | None = None
        self.last_program_s = 0.0
        self.state = State.IDLE
        self.inbox = Inbox(machine.rx_bytes, flavour)
        self.out = bytearray()
        self._latched: int | None = None
        self._ends_received = 0
        self._reset_asked = self._cycle_asked = False
        self._job: Job | None = None
        self._dry = False
        self._wait: Wait = -inf
        self._wire = IdealWire(machine)
        self.deaf_until_s = self.busy_until_s = -inf
        self._report_due = False
        if self.faults.from_start("wrong-settings"):
            self.memory.settings.update({30: 255.0, 32: 0, 100: 250.0})
        self.boot()

    # -- what a host can do -----------------------------------------------------------------

    @property
    def now_s(self) -> float:
        """The controller's own clock."""
        return self.motion.now_s

    def receive(self, data: bytes) -> None:
        """Take bytes off the wire at this instant."""
        self.counters.bytes += len(data)
        if self.now_s < self.deaf_until_s and not self.eager:
            self.counters.overflow += len(data)
            return
        if not self.faults and len(data.translate(None, REALTIME_BYTES)) == len(data):
            self.counters.overflow += self.inbox.put_all(data)
            self._serve()
            return
        for byte in data:
            if byte in REALTIME:
                self._realtime(byte)
            elif not (byte == LF and self._loses_end()) and not self.inbox.put(byte):
                self.counters.overflow += 1
        self._serve()

    def advance(self, to_s: float) -> None:
        """Let time pass until ``to_s``."""
        while self.now_s < to_s:
            self.motion.advance(min(to_s, self.next_event_s()))
            self._after_motion()
            self._serve()

    def settle(self) -> None:
        """Let time pass until everything stands still (the discrete clock's idle)."""
        while (at := self.next_event_s()) < inf:
            self.advance(at)

    def transmit(self) -> bytes:
        """Return what the controller has sent since the last call."""
        sent = b"" if self.faults.silent else bytes(self.out)
        self.out.clear()
        return sent

    def ask_power_cycle(self) -> None:
        """Restart as soon as the present line is over."""
        self._cycle_asked = True

    def _loses_end(self) -> bool:
        """Whether a fault swallows this LF; job lines count from 1."""
        if self.state is State.CHECK or not self.faults:
            return False
        self._ends_received += 1
        return self.faults.strike(self._ends_received, "newline-lost") is not None

    # -- what the controller does -----------------------------------------------------------

    def say(self, text: str) -> None:
        """Send one line to the host."""
        self.out += text.encode("latin-1") + b"\r\n"

    def boot(self) -> None:
        """Start as after power-up or a reset: modal defaults, banner."""
        self.modal = Modal()
        self.offset_mm = [0.0, 0.0, 0.0]
        self.target_mm: Vector = self.motion.place_mm
        self.overrides = [100, 100, 100]
        self.report_counts = [0, 0]
        self.motion.idle_beam = (0.0, 0)
        self._latched, self._report_due = None, False
        self.busy_until_s = -inf
        self.say("")
        self.say(reports.banner(self))
        if self.state is State.ALARM:
            self.say("[MSG:'$H'|'$X' to unlock]")

    def reset(self) -> None:
        """Do what 0x18 does: everything stops, a move cut short loses position (ALARM:3)."""
        moving = self.motion.v_mm_s > 0.0
        keep_alarm = self.state is State.ALARM
        self.counters.resets += 1
        self.motion.reset()
        self.inbox.clear()
        self._reset_asked = self._cycle_asked = False
        self._job, self._wait, self._dry = None, -inf, False
        moving = moving and self.flavour.alarms_on_reset
        self.state = State.ALARM if moving or keep_alarm else State.IDLE
        if moving:
            self.say("ALARM:3")
        self.boot()

    def ask_reset(self) -> None:
        """Reset as soon as the present line has been answered."""
        self._reset_asked = True

    def end_program(self) -> None:
        """Note that M2 or M30 has ended a program with all motion done."""
        self.counters.programs += 1
        self._dry = False
        begun_s = self.now_s if self.program_start_s is None else self.program_start_s
        self.last_program_s, self.program_start_s = self.now_s - begun_s, None
        self.on_program_end()

    def system_mm(self) -> list[float]:
        """Return the offset of the work frame: the active G54-G59 plus G92."""
        system = self.memory.systems_mm[self.modal.system]
        return [a + b for a, b in zip(system, self.offset_mm, strict=True)]

    def write_memory(self, count: int) -> None:
        """Stall as an EEPROM write of ``count`` bytes does: what arrives meanwhile is lost."""
        self.deaf_until_s = self.now_s + count * self.flavour.eeprom_byte_s
        if self.eager and self.flavour.eeprom_byte_s:
            self.counters.overflow += self.inbox.drop_ring()

    def power_cycle(self) -> None:
        """Start again as after a power cut: the place reached is called zero."""
        self.motion.reset()
        self.motion.forget_place()
        self.state, self._job, self._wait, self._dry = State.IDLE, None, -inf, False
        self.inbox.clear()
        self._reset_asked = self._cycle_asked = False
        self.boot()

    def alarm(self, code: int) -> None:
        """Stop dead and lock, as at a limit switch: ``ALARM:code``."""
        self.motion.reset()
        self.inbox.clear()
        self.state = State.ALARM
        self.say(f"ALARM:{code}")

    def _realtime(self, byte: int) -> None:
        if self.flavour.alternative_bytes:
            if byte == FULL_REPORT:
                self.report_counts = [0, 0]
            byte = STATUS if byte == FULL_REPORT else ALTERNATIVE.get(byte, byte)
        if byte == STATUS:
            self._let_slot_fall_free()
            if self.now_s < self.busy_until_s:
                self._report_due = True
            else:
                self.say(reports.status(self))
        elif byte == RESET:
            self.reset()
        elif byte in (HOLD, DOOR):
            self.stop_for(State.HOLD if byte == HOLD else State.DOOR)
        elif byte == RESUME:
            self._resume()
        elif byte == JOG_CANCEL and self.state is State.JOG:
            self.motion.hold()
        elif 0x90 <= byte <= 0x9D:
            reports.override(self, byte)

    def _let_slot_fall_free(self) -> None:
        """On the discrete clock, let a host that asks and sends nothing see a slot fall free."""
        while self.eager and self._job is None and self.motion.free_blocks <= 0:
            if (at := self.motion.slot_s()) == inf:
                return
            self.motion.advance(at)

    def stop_for(self, state: State) -> None:
        """Slow down to a stop and stay in ``state`` (Hold or Door) until resumed."""
        if self.state in (State.RUN, State.HOLD, State.JOG) or (
            state is State.DOOR and self.state is State.IDLE
        ):
            self.state = state
            self.motion.hold()

    def _resume(self) -> None:
        if self.state in (State.HOLD, State.DOOR) and self.motion.stopped:
            self.state = State.RUN if self.motion.busy else State.IDLE
            self.motion.resume()
        elif self._wait is Waits.RESUMED:
            self.state = State.IDLE
            self._wait = -inf
        self._serve()

    def _after_motion(self) -> None:
        if self.state is State.JOG and self.motion.holding and self.motion.stopped:
            self.motion.reset()
            self.target_mm = self.motion.place_mm
        if self.state in (State.RUN, State.JOG) and not self.motion.busy:
            self.state = State.IDLE
            if self._job is not None and self._wait is not Waits.STILL:
                self.counters.starved += 1
            self._dry = self._job is None  # no line at hand: the host was late, or has ended

    def set_off(self, state: State) -> None:
        """Begin to move, or go on moving; count it where the planner had run empty before."""
        self.counters.late += self._dry and self.program_start_s is not None
        self._dry, self.state = False, state

    def next_event_s(self) -> float:
        """Return the next instant at which anything changes by itself, `inf` if none."""
        wait = self._wait if self._job and isinstance(self._wait, float) else inf
        waits_for_slot = self._job is not None and self._wait is Waits.SLOT
        motion_s = self.motion.slot_s() if waits_for_slot else self.motion.block_end_s()
        return min(motion_s, wait if wait > self.now_s else inf)

    # -- the main loop ----------------------------------------------------------------------

    def _serve(self) -> None:
        """Read and execute lines until one has to wait or none is left."""
        while True:
            if self._job is None:
                line = self._take_line()
                if line is None:
                    return
                self._job, self._wait = self._run(line), -inf
            if not self._ready():
                if not self.eager or (at := self.next_event_s()) == inf:
                    return
                self.motion.advance(at)
                self._after_motion()
                continue
            if self._report_due and self.now_s >= self.busy_until_s:
                self._report_due = False
                self.say(reports.status(self))
            self._wait = next(self._job, inf)
            if self._wait == inf:
                self._job = None
                if self._cycle_asked:
                    self.power_cycle()
                elif self._reset_asked:
                    self.reset()

    def _ready(self) -> bool:
        if self._wait is Waits.SLOT:
            return self.motion.free_blocks > 0
        if self._wait is Waits.STILL:
            return not self.motion.busy and self.state is not State.DOOR
        return isinstance(self._wait, float) and self._wait <= self.now_s

    def _take_line(self) -> bytes | None:
        self.inbox.taken = 0
        line = self.inbox.take_line()
        self._wire.take(self.inbox.taken)
        self.counters.lines += line is not None
        return line

    def _run(self, raw: bytes) -> Job:
        """Execute one line, waiting where it must, and answer it."""
        if self.eager and self._wire.arrival_s > self.now_s:
            yield self._wire.arrival_s
        line = strip(raw)
        job_line = mishaps.count_job_line(self)
        if job_line and mishaps.strike(self, job_line):
            return
        try:
            yield from self._execute(raw, line, job_line)
            mishaps.acknowledge(self, job_line)
        except Refusal as refusal:
            self._latched = refusal.code if self.flavour.latches_errors else None
            self.say(f"error:{refusal.code}")
        self._wire.done(self.now_s)

    def _execute(self, raw: bytes, line: bytes, job_line: int) -> Job:
        if line.startswith(b"$") or not line:
            self._latched = None
        if self._latched is not None:
            raise Refusal(self._latched)
        if len(line) > self.machine.line_characters:
            if not self.flavour.truncates:
                raise Refusal(11)
            line = line[: self.machine.line_characters]
        if line.startswith(b"$"):
            yield from self._system(raw.strip())
        elif line:
            if job_line and self.faults.strike(job_line, "error"):
                raise Refusal(20)
            yield from self._gcode(line)

    def _system(self, line: bytes) -> Job:
        from firmware_bridge.virtual.commands import run_system

        yield from run_system(self, line.decode("latin-1"))

    def _gcode(self, line: bytes) -> Job:
        from firmware_bridge.virtual.execution import run_gcode

        if self.state in (State.ALARM, State.JOG):
            raise Refusal(9)
        yield from run_gcode(self, line)
