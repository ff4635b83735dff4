package import MusterCommandLine

/// `muster forget JOB...`.
package enum ForgetCommand {
    private static let jobs = Positional.variadic("JOB", as: .texts(bytesMax: 20), "Numbers of jobs that are over.")

    package static let command = Command(
        name: "forget", summary: "remove ended jobs and all that is kept of them",
        description: [
            "The jobs' inputs, results and counts are gone for good, and their numbers are not given out again. Jobs that are not over "
                + "are refused, and so are those that another one waits for.",
            "'muster coordinator --keep-days N' forgets jobs by itself, some days after their end.",
        ],
        positionals: [jobs.spec], flags: CommonFlags.client,
        exits: [
            Command.Exit(.data, "A job is not over, or another one waits for it."),
            Command.Exit(.noInput, "There is no such job."),
        ] + CommonFlags.clientExits.filter { $0.code != .data },
        examples: [Command.Example("muster forget 17 18", "Remove jobs 17 and 18.")], run: run)

    /// One after the other; ends with the first that is refused.
    @MainActor private static func run(_ invocation: Invocation) async throws {
        let given = invocation[jobs]
        guard !given.isEmpty else { throw CommandError.usage("which jobs? give their numbers, such as 17 18") }
        var ids: [Int64] = []
        for text in given {
            guard let id = Int64(text), id > 0 else {
                throw CommandError.usage("\(CommandError.quoted(text)) is no number of a job, from 1 on")
            }
            ids.append(id)
        }
        let client = try CoordinatorClient(invocation)
        for id in ids {
            let answer = try await client.call("POST", "/v1/jobs/\(id)/forget")
            if invocation[CommonFlags.json] {
                try invocation.out.write(answer + [0x0A])
            } else {
                try invocation.out.line("job \(id) is forgotten")
            }
        }
    }
}
