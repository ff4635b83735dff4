internal import MusterAPI
internal import MusterCore

/// `muster jobs`.
package enum JobsCommand {
    package static let limit = Flag<Int>.int(
        "limit", "N", in: 1...1_000, default: 50, "At most this many jobs, the newest first.")

    package static let command = Command(
        name: "jobs", summary: "list jobs",
        description: [
            "Prints a line for each job: its number, kernel, state, how many tasks are done and failed, and its age."
        ],
        flags: [limit.spec] + CommonFlags.client, exits: CommonFlags.clientExits,
        examples: [
            Command.Example("muster jobs", "The newest jobs."),
            Command.Example("muster jobs --limit 1000 --json", "A thousand of them, for a program to read."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let answer = try await CoordinatorClient(invocation).call("GET", "/v1/jobs?limit=\(invocation[limit])")
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        var fields = try JSONFields(body: answer)
        var table = TextTable([
            .init("JOB", .right), .init("KERNEL"), .init("STATE"), .init("TASKS", .right), .init("DONE", .right),
            .init("FAILED", .right), .init("TIME", .right),
        ])
        for value in try fields.array("jobs") ?? [] {
            let job = try JobStatus(value)
            table.add([
                "\(job.id)", job.kernel, job.state.rawValue, Format.count(job.count), Format.count(job.done),
                Format.count(job.failed), Format.duration(job.seconds),
            ])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }
}
