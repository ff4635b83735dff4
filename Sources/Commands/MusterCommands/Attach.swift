internal import MusterCommandLine
internal import MusterCore
internal import MusterRun

/// `muster attach ID`.
enum AttachCommand {
    static let id = CommonFlags.jobID

    static let tag = Flag.bool("tag", "Put the number of the task and a tab before each line.")

    static let command = Command(
        name: "attach", summary: "come back to a job of 'muster run'",
        description: [
            "Prints what the job's commands printed, from the first on, and goes on until it has ended, as 'muster run' would have. "
                + "Ctrl-C leaves the job alone: 'muster cancel ID' ends it. --tag puts tasks' numbers before lines: values are known to "
                + "'muster run' alone."
        ],
        positionals: [id.spec],
        flags: [
            RunCommand.unordered.spec, tag.spec, RunCommand.eta.spec, RunFilesFlags.overwrite.spec,
            RunFilesFlags.origin.spec,
        ] + CommonFlags.client,
        rules: [.exclusive(["tag", "json"])],
        exits: [
            Command.Exit(.success, "All commands succeeded."),
            Command.Exit(.failure, "A command failed, or not all were run."),
            Command.Exit(.data, "It is no job of 'muster run'."), Command.Exit(.noInput, "There is no such job."),
            Command.Exit(.cannotCreate, "All commands succeeded, and what one returned has no place here."),
        ] + CommonFlags.clientExits.filter { $0.code != .data },
        examples: [Command.Example("muster attach 17", "Go on with job 17.")], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        var output = RunOutput.Options()
        output.isUnordered = invocation[RunCommand.unordered]
        output.isTagged = invocation[tag]
        output.isJSON = invocation[CommonFlags.json]
        output.keepsProgress = invocation[RunCommand.eta]
        try await JobOfCommands(invocation, JobID(Int64(invocation[id]))).attach(
            output, files: RunFilesFlags.attachFlags(invocation))
    }
}
