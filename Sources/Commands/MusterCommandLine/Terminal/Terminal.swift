internal import Glibc
internal import MusterLog

/// What standard error is connected to. Values from outside go through `clean` before they are printed.
package struct Terminal: Sendable {
    package var descriptor: Int32
    /// Whether lines can be redrawn in place: a terminal, and not a `dumb` one.
    package var isInteractive: Bool
    /// Whether colours may be used: interactive, and `NO_COLOR` not set (no-color.org).
    var usesColor: Bool
    /// `COLUMNS`, for when the terminal does not tell its width.
    private var fallbackWidth: Int

    init(descriptor: Int32, isInteractive: Bool, usesColor: Bool, fallbackWidth: Int = 80) {
        self.descriptor = descriptor
        self.isInteractive = isInteractive
        self.usesColor = usesColor
        self.fallbackWidth = fallbackWidth
    }

    static func standardError(_ environment: [String: String]) -> Terminal {
        detect(STDERR_FILENO, environment)
    }

    package static func standardOutput(_ environment: [String: String]) -> Terminal {
        detect(STDOUT_FILENO, environment)
    }

    private static func detect(_ descriptor: Int32, _ environment: [String: String]) -> Terminal {
        let interactive = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
        let columns = environment["COLUMNS"].flatMap { Int($0) }.flatMap { (1...10_000).contains($0) ? $0 : nil }
        return Terminal(
            descriptor: descriptor, isInteractive: interactive,
            usesColor: interactive && (environment["NO_COLOR"] ?? "").isEmpty, fallbackWidth: columns ?? 80)
    }

    /// Whether this process is of a terminal's session, so that SIGHUP says that the terminal is gone.
    package static var isControlling: Bool {
        let file = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
        if file >= 0 { close(file) }
        return file >= 0
    }

    /// Where lines of a listing are cut; nil, nowhere, when no person looks on.
    package var cutWidth: Int? { isInteractive ? width : nil }

    /// Characters in a line, asked of the terminal each time, for a window may be resized; else `COLUMNS`, else 80.
    package var width: Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return fallbackWidth }
        return Int(size.ws_col)
    }

    /// The width of help on standard output, 40…100.
    static func helpWidth(_ environment: [String: String]) -> Int {
        min(max(standardOutput(environment).width, 40), 100)
    }

    /// Untrusted text, safe for a terminal: control characters become `?`.
    package static func clean(_ text: String) -> String { Log.printable(text) }

    /// Writes all of the text, as far as the other side takes it: what stderr cannot take is not worth failing for.
    @MainActor package func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
