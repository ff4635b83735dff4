internal import Glibc
internal import MusterLaunch
internal import MusterLog
internal import MusterSystem

/// Runs the process: reads the command line, runs the command, reports its error, and ends with its exit code.
package enum Runner {
    /// The entry of the binary. Never returns.
    @MainActor package static func runProcess(_ table: CommandTable) async -> Never {
        // A reader that went away shows as EPIPE where it is handled, not as a death by signal.
        signal(SIGPIPE, SIG_IGN)
        // Where it came ignored, the system would reap what is started here, and nobody would know how it ended.
        signal(SIGCHLD, SIG_DFL)
        // In a container it may be the process to which all orphans there are left.
        if getpid() == 1 { Descendants.reapStrays() }
        do {
            let bytes = commandLine()
            let environment = try TokenFile.applied(to: environment())
            for name in ServiceManager.ownVariables { unsetenv(name) }
            let arguments = bytes.map { String(decoding: $0, as: UTF8.self) }
            exit(await run(table, arguments, bytes: bytes, environment: environment, out: StandardOutput()).rawValue)
        } catch {
            report(ParseError(error: error, command: nil), program: table.program)
            exit(error.exitCode.rawValue)
        }
    }

    /// Runs one command line (without the program's name) and says how it ended; errors are on stderr by then. `bytes`: the same words
    /// as they came.
    @MainActor package static func run(
        _ table: CommandTable, _ arguments: [String], bytes: [[UInt8]]? = nil, environment: [String: String],
        out: StandardOutput
    ) async -> ExitCode {
        var name: String?
        do {
            let request = try table.parse(arguments, bytes: bytes, environment: environment)
            if case .run(let command, _) = request { name = command.name }
            try await perform(request, table, environment, out)
            try out.flush()
            return .success
        } catch is BrokenPipe {
            return .success
        } catch {
            // Results that were ready before the failure still belong to the reader.
            try? out.flush()
            let failure = failure(error, command: name)
            report(failure, program: table.program)
            return failure.error.exitCode
        }
    }

    @MainActor private static func perform(
        _ request: Request, _ table: CommandTable, _ environment: [String: String], _ out: StandardOutput
    ) async throws {
        switch request {
        case .overview: try out.write(Help.overview(table, width: Terminal.helpWidth(environment)))
        case .help(let command):
            try out.write(Help.page(for: command, in: table, width: Terminal.helpWidth(environment)))
        case .version: try out.write("\(table.program) \(table.version)\(table.build.map { " (\($0))" } ?? "")\n")
        case .run(let command, let arguments):
            try requireDescriptors(SystemLimits.raiseDescriptors())
            let terminal = Terminal.standardError(environment)
            if command.flag(named: CommonFlags.logLevel.spec.name) != nil { configureLog(arguments) }
            try await command.run(
                Invocation(
                    table: table, command: command, arguments: arguments,
                    environment: arguments.settings.merging(environment) { setting, variable in
                        variable.isEmpty ? setting : variable
                    }, out: out, terminal: terminal))
        }
    }

    /// Below it, some library of some command ends the process without a word.
    static let descriptorsMin = 64

    /// Throws a `CommandError` where so few files may be open.
    static func requireDescriptors(_ count: Int) throws(CommandError) {
        guard count < descriptorsMin else { return }
        throw CommandError(
            .osError,
            "this process may have \(count) files open, and needs \(descriptorsMin) at least: raise the limit (ulimit -n \(descriptorsMin))"
        )
    }

    private static func configureLog(_ arguments: ParsedArguments) {
        let level = LogLevel(rawValue: arguments[CommonFlags.logLevel]) ?? .info
        Log.configure(level: level, format: LogFormat(rawValue: arguments[CommonFlags.logFormat]) ?? .text)
    }

    private static func failure(_ error: any Error, command: String?) -> ParseError {
        switch error {
        case let error as ParseError: error
        case let error as CommandError: ParseError(error: error, command: command)
        default:
            ParseError(error: CommandError(.internalError, "internal error: \(error)"), command: command)
        }
    }

    private static func report(_ failure: ParseError, program: String) {
        guard let line = line(for: failure, program: program) else { return }
        var bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeMutableBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// The one line that stderr gets, safe to print; nil if the error has nothing to say.
    package static func line(for failure: ParseError, program: String) -> String? {
        guard !failure.error.message.isEmpty else { return nil }
        let name = failure.command.map { "\(program) \($0)" } ?? program
        let help = failure.error.exitCode == .usage ? "; try '\(name) --help'" : ""
        return Log.printable("\(name): \(failure.error.message)\(help)")
    }

    /// The arguments after the program's name, as they came: they need not be UTF-8.
    private static func commandLine() -> [[UInt8]] {
        (1..<max(1, Int(CommandLine.argc))).compactMap { place in
            CommandLine.unsafeArgv[place].map { [UInt8](UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
        }
    }

    /// The variables of this process that are the program's business, and those that describe the terminal.
    private static func environment() -> [String: String] {
        var found: [String: String] = [:]
        var entry = environ
        while let bytes = entry.pointee {
            entry += 1
            let text = String(cString: bytes)
            guard let equals = text.firstIndex(of: "="), equals > text.startIndex else { continue }
            found[String(text[..<equals])] = String(text[text.index(after: equals)...])
        }
        return found
    }
}
