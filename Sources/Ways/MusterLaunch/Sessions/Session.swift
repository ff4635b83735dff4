internal import CSpawn
internal import Glibc
internal import Synchronization

/// A program in a session of its own, of which it is the first process, for a thread that waits for it.
///
/// Made for what is started thousands of times a second: no thread, no lookup, nothing that grows with this process's memory. Its
/// maker waits for it with `exit`, then calls `end()` once. `Descendants.keep()` must have been called before.
package final class Session: Sendable {
    /// What it is started from. Descriptors become the program's own 0, 1 and 2 and stay the caller's.
    package struct Start {
        /// Absolute.
        package var program: String
        package var arguments: CStrings
        package var variables: [CStrings]
        /// Absolute. It works there.
        package var directory: String
        package var input: Int32
        package var output: Int32
        package var error: Int32
        /// A variable among these, `NAME=VALUE`, that no other session has: by it a process can be told to be of this one.
        package var mark: [UInt8]

        package init(
            program: String, arguments: CStrings, variables: [CStrings], directory: String, input: Int32,
            output: Int32, error: Int32, mark: [UInt8]
        ) {
            (self.program, self.arguments, self.variables) = (program, arguments, variables)
            (self.directory, self.mark) = (directory, mark)
            (self.input, self.output, self.error) = (input, output, error)
        }
    }

    /// Why it was not started: an `errno`.
    package struct Fault: Error, Hashable {
        package let code: Int32
        package var words: String { String(cString: strerror(code)) }
        /// Processes, descriptors or memory have run out for now.
        package var isShortage: Bool { [EAGAIN, ENOMEM, EMFILE, ENFILE].contains(code) }
        /// Somebody is writing the program, or a process is being started that has not closed it yet.
        package var isBusy: Bool { code == ETXTBSY }
        package var isMissing: Bool { code == ENOENT || code == ENOTDIR }
        package var isTooLong: Bool { code == E2BIG }
    }

    package let pid: Int32
    /// Becomes readable when the first process has ended.
    package let exit: Int32
    let mark: [UInt8]
    /// In ticks since the machine's start; not after the first process's own.
    let began: UInt64

    package init(_ start: Start) throws(Fault) {
        mark = start.mark
        began = Self.ticks()
        Self.dropDeathSignals()
        var code: CInt = 0
        let pid = OwnChildren.start {
            var pid: pid_t = 0
            code = Self.spawn(&pid, start)
            return code == 0 ? pid : 0
        }
        guard code == 0 else { throw Fault(code: code) }
        let exit = muster_pidfd_open(pid)
        guard exit >= 0 else {
            let fault = Fault(code: errno)
            kill(-pid, SIGKILL)
            _ = OwnChildren.reap(pid)
            throw fault
        }
        (self.pid, self.exit) = (pid, exit)
        Sessions.running.withLock { $0[pid] = self.began }
    }

    deinit { close(exit) }

    /// Ends everything of it that is left, in whatever session or group that is by now, and waits for the first process, which
    /// has ended or ends by this. `isWhole`: nothing is left that was found.
    package func end() -> (status: ChildProcess.ExitStatus, isWhole: Bool) {
        // Not waited for yet, so that the group's number is still its own.
        kill(-pid, SIGKILL)
        let status = OwnChildren.reap(pid)
        Sessions.running.withLock { $0[pid] = nil }
        return (status, Sessions.endLeft(by: self))
    }

    /// It does not even end by SIGKILL, for now: whoever looks for strays waits for it.
    package func abandon() {
        Sessions.running.withLock { $0[pid] = nil }
        OwnChildren.forget(pid)
    }

    /// SIGKILL to all that is found of it, the first process included.
    package func killAll() {
        kill(-pid, SIGKILL)
        _ = Sessions.look(for: self, kills: true)
    }

    /// Whether anything of it lives that its first process has left behind.
    package var hasLeft: Bool { Sessions.look(for: self, kills: false).alive > 0 }

    /// To all that is found of it, in whatever session or group that is, once each.
    package func signalAll(_ number: Int32) {
        // Looked for before, too: while the first process ends, its children are nobody's for a moment.
        let before = Sessions.tree(of: self)
        kill(-pid, number)
        let tree = before.union(Sessions.tree(of: self))
        for other in tree where getpgid(other) != pid { Sessions.send(number, to: other, of: tree) }
    }

    /// How many processes are found of it, the dead that nobody has waited for among them.
    package var processCount: Int { Sessions.tree(of: self).count }

    /// SIGKILL to all that is found of it, stopped first, so that nothing of it starts another meanwhile.
    package func freezeAndKillAll() {
        var stopped: Set<Int32> = []
        for _ in 0..<200 {
            let tree = Sessions.tree(of: self)
            if tree.isSubset(of: stopped) { break }
            for process in tree.subtracting(stopped) { Sessions.send(SIGSTOP, to: process, of: tree) }
            stopped.formUnion(tree)
        }
        signalAll(SIGKILL)
        killAll()
    }

    /// SIGCHLD is of no use: the descriptor `exit` says the same. The system drops it at once where the thread that started the process
    /// lets it through, as it is not handled. From a thread that blocks it, it would wake two others, each time.
    private static func dropDeathSignals() {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGCHLD)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    private static func ticks() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        let perSecond = sysconf(Int32(_SC_CLK_TCK))
        return UInt64(time.tv_sec * perSecond + time.tv_nsec * perSecond / 1_000_000_000)
    }

    private static func spawn(_ pid: inout pid_t, _ start: Start) -> CInt {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, start.input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, start.output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, start.error, STDERR_FILENO)
        posix_spawn_file_actions_addchdir_np(&actions, start.directory)
        // Libraries open descriptors without close-on-exec; none of them is meant for the program.
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        let arguments = start.arguments.pointers + [nil]
        let variables = start.variables.flatMap(\.pointers) + [nil]
        return posix_spawn(&pid, start.program, &actions, attributes.pointer, arguments, variables)
    }

    private static let attributes = SpawnAttributes()
}

/// Default signals, an empty mask, a session of its own.
///
/// `@unchecked Sendable`: nobody changes it after its making.
private final class SpawnAttributes: @unchecked Sendable {
    let pointer = UnsafeMutablePointer<posix_spawnattr_t>.allocate(capacity: 1)

    init() {
        posix_spawnattr_init(pointer)
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(pointer, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(pointer, &signals)
        // POSIX_SPAWN_SETSID, of glibc 2.26, is declared only under _GNU_SOURCE.
        let ownSession = 0x80
        let flags = Int(POSIX_SPAWN_SETSIGMASK) | Int(POSIX_SPAWN_SETSIGDEF) | ownSession
        posix_spawnattr_setflags(pointer, Int16(flags))
    }
}
