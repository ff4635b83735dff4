internal import Glibc
internal import MusterCore
internal import MusterKernels
internal import MusterLaunch
internal import MusterLog
internal import MusterSystem

/// One command from its start to the end of all that it started. Used by one thread, which waits in poll(2).
struct RunningCommand: ~Copyable {
    private enum Phase {
        case running
        /// SIGTERM was sent.
        case asked(until: Moment)
        /// SIGKILL was sent, and nothing outlives that but what waits for a device.
        case killed(until: Moment)
    }

    /// For what even SIGKILL does not end at once.
    private static let patience: Duration = .seconds(10)
    /// Between two counts of its processes, where they are bounded, in milliseconds.
    private static let countPause: Int32 = 10
    private let session: Session
    private let command: TaskCommand
    private let cancellation: Cancellation
    private let wakeUp: WakeUp
    private let listening: Int
    private var output: OutputPipe
    private var error: OutputPipe
    private var phase = Phase.running
    private var stop: ExecOutcome.Stop?
    private var wasKilled = false
    /// Whether nothing of it is left that was found; once it has ended.
    private(set) var isWhole = false
    private let startMs: Int64
    private let began: Moment
    private let deadline: Moment?
    /// Nil: nobody can follow it.
    private let tap: LiveTap?

    /// `start` is given the descriptors for its two outputs.
    init(
        _ command: TaskCommand, _ cancellation: Cancellation, _ live: LiveOutput?,
        _ start: (CInt, CInt) -> Session.Start
    ) throws(Session.Fault) {
        let wakeUp = try WakeUp()
        let output = try OutputPipe(keeping: command.outputMax)
        let error = try OutputPipe(keeping: command.outputMax)
        let (startMs, began) = (SystemTime.wallClockMs(), SystemTime.now())
        let session = try Self.session(start(output.writing, error.writing))
        (self.session, self.startMs, self.began) = (session, startMs, began)
        (self.command, self.cancellation, self.wakeUp) = (command, cancellation, wakeUp)
        deadline = command.timeout.map { began + $0 }
        listening = cancellation.onCancel { wakeUp.call() }
        tap = live.flatMap { live in command.run.map { live.begin($0) { wakeUp.call() } } }
        tap?.started(atMs: startMs)
        self.output = consume output
        self.error = consume error
    }

    /// A shortage may be over in a moment; and a program that was just written is busy for as long as another task, being started at that
    /// moment, has not let go of it.
    private static func session(_ start: Session.Start) throws(Session.Fault) -> Session {
        var tries = 0
        while true {
            do throws(Session.Fault) {
                return try Session(start)
            } catch {
                tries += 1
                guard error.isBusy && tries < 100 || error.isShortage && tries < 4 else { throw error }
                usleep(error.isBusy ? 5_000 : 50_000)
            }
        }
    }

    /// Waits for its end, or brings that about.
    mutating func finish() -> ExecOutcome {
        defer { cancellation.forget(listening) }
        while !step(session.exit) {
            if case .killed(let until) = phase, SystemTime.now() >= until { return giveUp() }
        }
        waitForRest()
        let time = SystemTime.now() - began
        let status: ChildProcess.ExitStatus
        (status, isWhole) = session.end()
        if !isWhole { Log.warning("processes of a task do not end", ["session": "\(session.pid)"]) }
        drain()
        switch status {
        case .exited(let code): return outcome(.exited(code), time)
        case .signalled(let number): return outcome(.signalled(number), time)
        }
    }

    /// Until now the writing ends are open here, too: a command that ends would otherwise wake this thread at each of its outputs' ends
    /// before its own.
    private mutating func drain() {
        output.closeWriting()
        error.closeWriting()
        guard let tap else {
            output.drain()
            error.drain()
            return
        }
        output.drain(tap, isError: false)
        error.drain(tap, isError: true)
        tap.end(isWhole: output.count == output.kept.count && error.count == error.kept.count)
    }

    /// Waits for something to happen, and sees to it. Whether the first process has ended.
    private mutating func step(_ exit: CInt, atMost limit: Int32 = -1) -> Bool {
        var watched = (
            pollfd(fd: exit, events: Int16(POLLIN), revents: 0),
            pollfd(fd: output.reading, events: Int16(POLLIN), revents: 0),
            pollfd(fd: error.reading, events: Int16(POLLIN), revents: 0),
            pollfd(fd: stop == nil ? wakeUp.descriptor : -1, events: Int16(POLLIN), revents: 0)
        )
        let milliseconds = limit >= 0 ? limit : untilNext
        withUnsafeMutableBytes(of: &watched) { room in
            _ = poll(room.baseAddress!.assumingMemoryBound(to: pollfd.self), 4, milliseconds)
        }
        if watched.1.revents != 0 { output.read(tap, isError: false) }
        if watched.2.revents != 0 { error.read(tap, isError: true) }
        if watched.3.revents != 0 {
            wakeUp.clear()
            tap?.catchUp(output.kept, isError: false)
            tap?.catchUp(error.kept, isError: true)
        }
        if watched.0.revents != 0 { return true }
        look()
        return false
    }

    /// Milliseconds until the clock has something to say, rounded up; -1: never.
    private var untilNext: Int32 {
        let count = stop == nil && command.processesMax != nil ? Self.countPause : -1
        let next: Moment? =
            switch phase {
            case .running: deadline
            case .asked(let until), .killed(let until): until
            }
        guard let next else { return count }
        let left = Int32(clamping: max(0, ((next - SystemTime.now()).inNanoseconds + 999_999) / 1_000_000))
        return count < 0 ? left : min(count, left)
    }

    private mutating func look() {
        switch phase {
        case .running:
            if cancellation.isCancelled {
                ask(.cancelled)
            } else if let deadline, SystemTime.now() >= deadline {
                ask(.timeout)
            } else if let most = command.processesMax, session.processCount > most {
                (stop, wasKilled) = (.processes(most: most), true)
                session.freezeAndKillAll()
                phase = .killed(until: SystemTime.now() + Self.patience)
            }
        case .asked(let until):
            if SystemTime.now() >= until { kill() }
        case .killed: break
        }
    }

    private mutating func ask(_ reason: ExecOutcome.Stop) {
        stop = reason
        session.signalAll(SIGTERM)
        phase = .asked(until: SystemTime.now() + command.killAfter)
    }

    private mutating func kill() {
        wasKilled = true
        if command.processesMax == nil { session.killAll() } else { session.freezeAndKillAll() }
        phase = .killed(until: SystemTime.now() + Self.patience)
    }

    /// Others of it were asked to end as well, and have as much time. One that ended by itself leaves nothing that is waited for.
    private mutating func waitForRest() {
        guard case .asked(let until) = phase else { return }
        while session.hasLeft {
            if SystemTime.now() >= until {
                wasKilled = true
                return
            }
            _ = step(-1, atMost: 10)
        }
    }

    private mutating func giveUp() -> ExecOutcome {
        Log.warning("a task's process does not end by SIGKILL", ["process": "\(session.pid)"])
        session.abandon()
        tap?.end(isWhole: true)
        return outcome(.signalled(Int(SIGKILL)), SystemTime.now() - began)
    }

    private func outcome(_ end: ExecOutcome.End, _ time: Duration) -> ExecOutcome {
        var outcome = ExecOutcome(end)
        (outcome.stop, outcome.wasKilled) = (stop, wasKilled)
        outcome.output = ExecOutcome.Output(kept: output.kept, count: output.count)
        outcome.error = ExecOutcome.Output(kept: error.kept, count: error.count)
        (outcome.startMs, outcome.time) = (startMs, time)
        return outcome
    }
}

extension OutputPipe {
    /// Reads what is there, and hands it on where somebody follows.
    fileprivate mutating func read(_ tap: LiveTap?, isError: Bool) {
        guard let tap, tap.isFollowed else { return read() }
        tap.catchUp(kept, isError: isError)
        read { tap.take($0, at: $1, isError: isError) }
    }

    /// The same, of the rest.
    fileprivate mutating func drain(_ tap: LiveTap, isError: Bool) {
        guard tap.isFollowed else { return drain() }
        tap.catchUp(kept, isError: isError)
        drain { tap.take($0, at: $1, isError: isError) }
    }
}
