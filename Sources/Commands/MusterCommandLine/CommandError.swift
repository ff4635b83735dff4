internal import Glibc
package import MusterRole
package import MusterWire

/// Why a command ends without success: the exit code, and one line for stderr that says what to do next.
package struct CommandError: Error, Hashable, Sendable {
    package var exitCode: ExitCode
    /// Without the `muster NAME:` in front. It may quote untrusted text: the runner makes it printable. Empty prints
    /// nothing.
    package var message: String

    package init(_ exitCode: ExitCode, _ message: String) {
        self.exitCode = exitCode
        self.message = message
    }

    /// A mistake in the command line; the runner appends which help to read.
    package static func usage(_ message: String) -> CommandError { CommandError(.usage, message) }

    /// A failed system call: what was tried, then the system's own words for `code`, an `errno` value.
    package static func system(_ exitCode: ExitCode, _ attempt: String, errno code: Int32) -> CommandError {
        CommandError(exitCode, "\(attempt): \(systemMessage(code))")
    }

    /// An answer that is an error: the exit code follows from its status, the message is its detail, in words that need no
    /// knowledge of the protocol.
    package init(_ problem: Problem, by server: String = "the coordinator") {
        let code: ExitCode =
            switch problem.status {
            case 401, 403: .noPermission
            case 404: .noInput
            case 408, 425, 429, 503, 507: .temporary
            case 502, 504: .unavailable
            case 500...: .internalError
            default: problem.isRetryable ? .temporary : .data
            }
        let says =
            switch code {
            case .noInput: "says"
            case .temporary: "cannot do this now"
            case .unavailable: "cannot be reached by who stands before it"
            case .internalError: "failed"
            default: "refuses"
            }
        self.init(code, "\(server) \(says): \(problem.detail)")
    }

    /// The system's words for an `errno` value, such as `No such file or directory`.
    static func systemMessage(_ code: Int32) -> String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }

    /// A sentence without its full stop, so that more can follow behind a semicolon.
    package static func clause(_ sentence: String) -> String {
        String(sentence.hasSuffix(".") ? sentence.dropLast() : sentence[...])
    }

    /// Untrusted text as it stands in a message: in double quotes, cut after 80 characters.
    package static func quoted(_ text: String) -> String {
        let shown = text.prefix(80)
        return "\"\(shown)\(shown.endIndex < text.endIndex ? "…" : "")\""
    }
}

extension CommandError {
    /// Why a role could not start or go on.
    package init(_ error: NodeError) {
        let code: ExitCode =
            switch error.code {
            case .files: .cannotCreate
            case .refused: .noPermission
            case .unavailable: .unavailable
            case .setup: .configuration
            }
        self.init(code, error.message)
    }
}
