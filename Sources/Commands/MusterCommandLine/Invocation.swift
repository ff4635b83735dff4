/// One run of a command: what it was given, and the terminal it talks to.
@MainActor package struct Invocation {
    package let table: CommandTable
    package let command: Command
    package let arguments: ParsedArguments
    package let environment: [String: String]
    /// Results, and nothing else. Flushed by the runner at the end; a stream flushes as it goes.
    package let out: StandardOutput
    /// Standard error: progress and notes.
    package let terminal: Terminal

    /// Whom this process tells how it is, where there is one.
    package var serviceManager: ServiceManager { ServiceManager(environment) }

    package subscript<Value>(flag: Flag<Value>) -> Value { arguments[flag] }
    package subscript<Value>(positional: Positional<Value>) -> Value { arguments[positional] }

    /// Lines of help are as wide as the terminal, 40…100 characters.
    var helpWidth: Int { Terminal.helpWidth(environment) }

    /// A line on standard error, for people; silent under `--quiet`.
    package func note(_ text: String) {
        guard !arguments[CommonFlags.quiet] else { return }
        terminal.write(Terminal.clean(text) + "\n")
    }

    /// A progress bar on standard error, silent under `--quiet`.
    package func progress(_ label: String, total: Int?) -> ProgressBar {
        ProgressBar(label: label, total: total, terminal: terminal, isQuiet: arguments[CommonFlags.quiet])
    }
}
