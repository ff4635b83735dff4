internal import MusterCommandLine
internal import MusterCore
internal import MusterRun

/// `muster logs ID [TASK]`.
enum LogsCommand {
    static let id = CommonFlags.jobID
    static let task = Positional<Int?>.optionalInt(
        "TASK", in: 1...Limits.jobTasksMax, "The number of one task, from 1 on; without it, all of them.")

    static let follow = Flag.bool(
        "follow", short: "f",
        "Go on until the job has ended, with lines that commands print while they run, each whole; those of several commands mixed."
    )

    static let command = Command(
        name: "logs", summary: "print what a job's commands printed",
        description: [
            "Prints what those commands of a job of 'muster run' printed that have ended, in the order of their values: standard output "
                + "on standard output, standard error on standard error. It does not wait, unless it is to follow; how the job ended is 'muster attach's to tell."
        ],
        positionals: [id.spec, task.spec], flags: [follow.spec, AttachCommand.tag.spec] + CommonFlags.client,
        rules: [.exclusive(["tag", "json"])],
        exits: [
            Command.Exit(.data, "It is no job of 'muster run'."),
            Command.Exit(.noInput, "There is no such job, or the task has not ended yet."),
        ] + CommonFlags.clientExits.filter { $0.code != .data },
        examples: [Command.Example("muster logs 17 3", "What the third command of job 17 printed.")], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        var output = RunOutput.Options()
        output.isTagged = invocation[AttachCommand.tag]
        output.isJSON = invocation[CommonFlags.json]
        try await JobOfCommands(invocation, JobID(Int64(invocation[id])))
            .print(task: invocation[task], follows: invocation[follow], output)
    }
}
