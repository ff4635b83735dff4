internal import MusterKernels
internal import MusterLaunch

/// What variables a task gets: the worker's own without what is secret, then those of its job, then Muster's.
struct TaskEnvironment: Sendable {
    private let base: [[UInt8]]
    private let strings: CStrings
    private let path: String
    private let hasHome: Bool
    /// Names the worker to its tasks.
    let workerEntry: [UInt8]
    /// Of the worker's folder, shell and service manager, not of the task's.
    private static let dropped: Set<String> = [
        "PWD", "OLDPWD", "TMPDIR", "_", "SHLVL", "NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "WATCHDOG_PID",
        "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "INVOCATION_ID", "JOURNAL_STREAM",
    ]

    init(worker: String, secrets: [String]) {
        let secrets = secrets.filter { !$0.isEmpty }.map { Array($0.utf8) }
        base = Environment.entries.filter { entry in
            !Self.dropped.contains(String(decoding: Self.name(of: entry), as: UTF8.self))
                && !secrets.contains { entry.firstRange(of: $0) != nil }
        }
        strings = CStrings(base)
        path = Self.path(in: base) ?? "/usr/local/bin:/usr/bin:/bin"
        hasHome = base.contains { Self.name(of: $0).elementsEqual("HOME".utf8) }
        workerEntry = Array("MUSTER_WORKER=\(worker)".utf8)
    }

    /// With the `PATH` that programs are looked for in.
    func variables(
        of command: TaskCommand, in folder: String, _ directory: String, mark: [UInt8]
    ) -> (variables: [CStrings], path: String) {
        let given = Set(command.variables.map { Array(Self.name(of: $0)) })
        var own = command.variables + command.marks
        for (name, value) in [("PWD", directory), ("TMPDIR", folder)] where !given.contains(Array(name.utf8)) {
            own.append(Array("\(name)=\(value)".utf8))
        }
        if !hasHome, !given.contains(Array("HOME".utf8)) { own.append(Array("HOME=\(folder)".utf8)) }
        own.append(workerEntry)
        own.append(mark)
        guard !given.isEmpty else { return ([strings, CStrings(own)], path) }
        let rest = base.filter { !given.contains(Array(Self.name(of: $0))) }
        return ([CStrings(rest), CStrings(own)], Self.path(in: command.variables) ?? path)
    }

    private static func path(in entries: [[UInt8]]) -> String? {
        entries.first { $0.starts(with: "PATH=".utf8) }.map { String(decoding: $0.dropFirst(5), as: UTF8.self) }
    }

    private static func name(of entry: [UInt8]) -> ArraySlice<UInt8> { entry.prefix { $0 != UInt8(ascii: "=") } }
}
