/// How a command ended, and what it printed.
package struct CommandOutcome: Sendable {
    package let exitCode: Int
    package let output: [String]
    package let errors: [String]
}

extension Fleet {
    /// Runs a `muster` command to its end. Throws `LaunchError` or `FleetError`.
    package func muster(_ arguments: String..., environment: [String: String] = [:]) async throws -> CommandOutcome {
        try await muster(arguments: arguments, environment: environment)
    }

    /// The same for arguments that are a list already.
    package func muster(arguments: [String], environment: [String: String] = [:]) async throws -> CommandOutcome {
        try await outcome(of: start(arguments, environment: environment))
    }

    /// Waits for the end of a command that was started before.
    package func outcome(of process: FleetProcess) async throws -> CommandOutcome {
        let code = try await process.exitCode(within: .seconds(120))
        return CommandOutcome(
            exitCode: code, output: process.transcript.output, errors: process.transcript.errors)
    }
}
