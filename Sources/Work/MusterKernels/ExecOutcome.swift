internal import Glibc
internal import MusterAPI
package import MusterFileLists
internal import MusterJSON

/// How a command ended, and what it printed until then.
package struct ExecOutcome: Hashable, Sendable {
    package enum End: Hashable, Sendable {
        /// By itself, with 0…255.
        case exited(Int)
        /// By a signal's number.
        case signalled(Int)
        /// It never began: there is no such program, or that cannot be executed, with the reason.
        case notFound(String)
        case notExecutable(String)
    }

    /// Why it was ended.
    package enum Stop: Hashable, Sendable {
        case timeout, cancelled
        /// It had more processes at one time than it may.
        case processes(most: Int)
    }

    /// One of its two outputs.
    package struct Output: Hashable, Sendable {
        /// The first bytes.
        package var kept: [UInt8]
        /// How many there were.
        package var count: Int

        package init(kept: [UInt8], count: Int) { (self.kept, self.count) = (kept, count) }
        package static let nothing = Output(kept: [], count: 0)
    }

    package var end: End
    package var stop: Stop?
    /// More about its end, to stand behind the reason.
    package var note = ""
    /// SIGTERM was not enough.
    package var wasKilled = false
    package var output = Output.nothing
    package var error = Output.nothing
    /// Since 1970.
    package var startMs: Int64 = 0
    package var time: Duration = .zero
    /// What it returns, under the names that it is to have.
    package var files: [FileItem] = []
    /// Why it does not return what it should; nil: it does.
    package var filesFault: String?

    package init(_ end: End) { self.end = end }

    /// It ended by itself, with 0.
    package var isGood: Bool { stop == nil && end == .exited(0) }

    /// As a shell tells it: 127 for what is not there, 126 for what cannot be executed, 128 + N for signal N.
    package var exitCode: Int {
        switch end {
        case .exited(let code): code
        case .signalled(let number): 128 + number
        case .notFound: 127
        case .notExecutable: 126
        }
    }

    /// Nil where it did what it should.
    func failure(timeoutSeconds: Double?) -> String? {
        let sent = wasKilled ? "TERM sent, then KILL" : "TERM sent"
        switch stop {
        case .timeout: return "timed out after \(Self.shown(timeoutSeconds ?? 0)) s (\(sent))"
        case .cancelled: return "cancelled (\(sent))"
        case .processes(let most): return "more than \(most) processes (KILL sent)"
        case nil: break
        }
        switch end {
        case .exited(0): return filesFault
        case .exited(let code): return "exit code \(code)\(note)"
        case .signalled(let number): return "ended by signal \(SignalName.of(number)) (\(number))\(note)"
        case .notFound(let reason): return "not found: \(reason) (127)"
        case .notExecutable(let reason): return "not executable: \(reason) (126)"
        }
    }

    private static func shown(_ seconds: Double) -> String {
        seconds == seconds.rounded() && seconds < 1e15 ? "\(Int(seconds))" : "\(seconds)"
    }

    /// `{"exitCode":0,"stdout":"…","stderr":"…","start":1.000,"seconds":0.001234}`, without what is empty. Where it would be longer, less is
    /// kept of both outputs.
    func value(atMost bytesMax: Int) -> [UInt8] {
        var keeping = max(output.kept.count, error.kept.count)
        while true {
            let value = value(keeping: keeping)
            if value.count <= bytesMax { return value }
            // A character that JSON has to spell out takes six bytes.
            keeping = keeping * 3 / 4
        }
    }

    private func value(keeping bytesMax: Int) -> [UInt8] {
        var json = JSONWriter(reserving: 128 + min(bytesMax, output.kept.count) + min(bytesMax, error.kept.count))
        json.beginObject()
        json.field("exitCode", exitCode)
        if case .signalled(let number) = end { json.field("signal", SignalName.of(number)) }
        Self.write(output, ("stdout", "stdoutBase64", "stdoutCut", "stdoutBytes"), bytesMax, to: &json)
        Self.write(error, ("stderr", "stderrBase64", "stderrCut", "stderrBytes"), bytesMax, to: &json)
        if !files.isEmpty {
            json.key("files")
            FileItem.write(files, to: &json)
        }
        json.field("start", raw: Self.decimal(startMs, digits: 3).utf8)
        json.field("seconds", raw: Self.decimal(max(0, time.microseconds), digits: 6).utf8)
        json.endObject()
        return json.bytes
    }

    private static func write(
        _ output: Output, _ names: (text: StaticString, base64: StaticString, cut: StaticString, bytes: StaticString),
        _ bytesMax: Int, to json: inout JSONWriter
    ) {
        guard output.count > 0 else { return }
        let isCut = output.count > min(output.kept.count, bytesMax)
        let kept = output.kept.prefix(bytesMax)
        if let text = String(validating: isCut ? kept.withoutPartOfCharacter : kept, as: UTF8.self) {
            if !text.isEmpty { json.field(names.text, text) }
        } else {
            json.field(names.base64, Base64.encoded(kept))
        }
        guard isCut else { return }
        json.field(names.cut, true)
        json.field(names.bytes, output.count)
    }

    private static func decimal(_ number: Int64, digits: Int) -> String {
        let unit: Int64 = digits == 3 ? 1_000 : 1_000_000
        let fraction = String(number % unit)
        return "\(number / unit)." + String(repeating: "0", count: digits - fraction.utf8.count) + fraction
    }
}

extension Duration {
    fileprivate var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}

extension ArraySlice<UInt8> {
    /// Without the beginning of a character of UTF-8 at its end, where it was cut.
    fileprivate var withoutPartOfCharacter: ArraySlice<UInt8> {
        let tail = suffix(3)
        guard let first = tail.lastIndex(where: { $0 & 0xC0 != 0x80 }), self[first] >= 0xC0 else { return self }
        let wanted = self[first] >= 0xF0 ? 4 : self[first] >= 0xE0 ? 3 : 2
        return endIndex - first < wanted ? self[..<first] : self
    }
}

/// Signals by their names, without SIG. signal(7).
enum SignalName {
    private static let names: [CInt: String] = [
        SIGHUP: "HUP", SIGINT: "INT", SIGQUIT: "QUIT", SIGILL: "ILL", SIGTRAP: "TRAP", SIGABRT: "ABRT", SIGBUS: "BUS",
        SIGFPE: "FPE", SIGKILL: "KILL", SIGUSR1: "USR1", SIGSEGV: "SEGV", SIGUSR2: "USR2", SIGPIPE: "PIPE",
        SIGALRM: "ALRM", SIGTERM: "TERM", 16: "STKFLT", SIGCHLD: "CHLD", SIGCONT: "CONT", SIGSTOP: "STOP",
        SIGTSTP: "TSTP", SIGTTIN: "TTIN", SIGTTOU: "TTOU", SIGURG: "URG", SIGXCPU: "XCPU", SIGXFSZ: "XFSZ",
        SIGVTALRM: "VTALRM", SIGPROF: "PROF", SIGWINCH: "WINCH", SIGIO: "IO", SIGPWR: "PWR", SIGSYS: "SYS",
    ]

    /// Real-time ones are counted from 34, the first that the C library leaves to programs, as kill(1) does.
    static func of(_ number: Int) -> String {
        if let name = names[CInt(number)] { return name }
        return number == 34 ? "RTMIN" : number > 34 ? "RTMIN+\(number - 34)" : "\(number)"
    }
}
