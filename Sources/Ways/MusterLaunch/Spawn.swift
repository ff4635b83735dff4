internal import CSpawn
internal import Glibc
internal import MusterSystem

/// One call of posix_spawn with what it needs around it.
struct Spawn {
    var executable: String
    var arguments: [String]
    var environment: [String: String]?
    var workingDirectory: String?
    var output: ChildProcess.Output
    var ownGroup = true

    struct Spawned {
        var pid: pid_t
        /// A descriptor that becomes readable when the process ends.
        var exit: CInt
        var readers: [OutputReader]
    }

    func run() throws(LaunchError) -> Spawned {
        try checkWorkingDirectory()
        let path = try resolvedExecutable()
        let plumbing = try Plumbing(output)
        let pid = try spawn(path, plumbing)
        let exit = muster_pidfd_open(pid)
        guard exit >= 0 else {
            let error = LaunchError(errno, doing: "cannot watch \(executable) (pidfd_open)")
            // Ours and not yet reaped, so the number is still its own.
            kill(ownGroup ? -pid : pid, SIGKILL)
            while waitpid(pid, nil, 0) < 0 && errno == EINTR {}
            OwnChildren.forget(pid)
            throw error
        }
        return Spawned(pid: pid, exit: exit, readers: plumbing.readers)
    }

    private func checkWorkingDirectory() throws(LaunchError) {
        guard let workingDirectory else { return }
        guard access(workingDirectory, X_OK) == 0, Spawn.kind(of: workingDirectory) == S_IFDIR else {
            throw LaunchError(
                .workingDirectory,
                "cannot start \(executable): its working directory \(workingDirectory) is missing, no directory or closed to us"
            )
        }
    }

    /// The absolute path where the child changes its directory, since posix_spawn would look from there.
    private func resolvedExecutable() throws(LaunchError) -> String {
        if executable.utf8.contains(UInt8(ascii: "/")) {
            let isRelative = workingDirectory != nil && executable.utf8.first != UInt8(ascii: "/")
            let path = isRelative ? Spawn.currentDirectory() + "/" + executable : executable
            guard let kind = Spawn.kind(of: path) else {
                throw LaunchError(.notFound, "cannot start \(executable): \(String(cString: strerror(errno)))")
            }
            guard kind == S_IFREG, access(path, X_OK) == 0 else {
                throw LaunchError(.notExecutable, "cannot start \(executable): it is not an executable file (chmod +x)")
            }
            return path
        }
        let search = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        for directory in search.split(separator: ":") where directory.first == "/" && !executable.isEmpty {
            let path = directory + "/" + executable
            if Spawn.kind(of: path) == S_IFREG, access(path, X_OK) == 0 { return path }
        }
        throw LaunchError(.notFound, "cannot start \(executable): no such program in PATH (\(search))")
    }

    private static func currentDirectory() -> String {
        guard let buffer = getcwd(nil, 0) else { return "." }
        defer { free(buffer) }
        return String(cString: buffer)
    }

    /// Nil: there is nothing; `errno` says why.
    private static func kind(of path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
    }

    private func spawn(_ path: String, _ plumbing: Plumbing) throws(LaunchError) -> pid_t {
        let texts = [executable] + arguments + (environment ?? [:]).flatMap { [$0.key, $0.value] }
        guard !texts.contains(where: { $0.utf8.contains(0) }) else {
            throw LaunchError(.other, "cannot start \(executable): an argument or variable holds a NUL byte")
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        if let output = plumbing.output { posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) }
        if let error = plumbing.error { posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO) }
        if let workingDirectory { posix_spawn_file_actions_addchdir_np(&actions, workingDirectory) }
        // Libraries open descriptors without close-on-exec; none of them is meant for the child.
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)

        var attributes = posix_spawnattr_t()
        set(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var code: CInt = 0
        // What is started inherits this thread's.
        let pid = TimeSlice.whileUsual {
            withStrings([executable] + arguments) { arguments in
                withStrings((environment ?? [:]).map { "\($0.key)=\($0.value)" }) { variables in
                    OwnChildren.start {
                        var pid: pid_t = 0
                        code =
                            environment == nil
                            ? posix_spawn(&pid, path, &actions, &attributes, arguments, environ)
                            : posix_spawn(&pid, path, &actions, &attributes, arguments, variables)
                        return code == 0 ? pid : 0
                    }
                }
            }
        }
        guard code == 0 else { throw LaunchError(code, doing: "cannot start \(executable)") }
        return pid
    }

    private func set(_ attributes: inout posix_spawnattr_t) {
        posix_spawnattr_init(&attributes)
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        var flags = Int(POSIX_SPAWN_SETSIGMASK) | Int(POSIX_SPAWN_SETSIGDEF)
        if ownGroup {
            posix_spawnattr_setpgroup(&attributes, 0)
            flags |= Int(POSIX_SPAWN_SETPGROUP)
        }
        posix_spawnattr_setflags(&attributes, Int16(flags))
    }
}

/// A null-terminated array of C strings for the time of a call.
private func withStrings<T>(_ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> T) -> T {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
}

/// The descriptors that a child gets as its output and error, closed here when it has them, and the ends read here.
private final class Plumbing {
    private(set) var output: CInt?
    private(set) var error: CInt?
    private(set) var readers: [OutputReader] = []

    init(_ kind: ChildProcess.Output) throws(LaunchError) {
        switch kind {
        case .inherit: break
        case .discard: try open("/dev/null", O_WRONLY)
        case .file(let path): try open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY)
        case .errorFile(let path):
            try open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY)
            output = nil
        case .lines(let bytesMax, let onLine):
            output = try pipe(.output, bytesMax, onLine)
            error = try pipe(.error, bytesMax, onLine)
        }
    }

    deinit {
        if let output { close(output) }
        if let error, error != output { close(error) }
    }

    private func open(_ path: String, _ flags: CInt) throws(LaunchError) {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            let what = "cannot write a child's output to \(path)"
            let isShort = [EMFILE, ENFILE, ENOMEM].contains(errno)
            throw isShort
                ? LaunchError(errno, doing: what) : LaunchError(.output, "\(what): \(String(cString: strerror(errno)))")
        }
        output = descriptor
        error = descriptor
    }

    private func pipe(
        _ stream: ChildProcess.Stream, _ bytesMax: Int, _ onLine: @escaping @Sendable (ChildProcess.Line) -> Void
    ) throws(LaunchError) -> CInt {
        var ends: [CInt] = [0, 0]
        guard pipe2(&ends, O_CLOEXEC) == 0 else {
            throw LaunchError(errno, doing: "cannot make a pipe for a child's output")
        }
        // The reading end alone: the child's writes shall block while nobody reads.
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        readers.append(OutputReader(ends[0], stream, bytesMax: bytesMax, onLine: onLine))
        return ends[1]
    }
}
