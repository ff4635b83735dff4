internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterKernels
internal import MusterRun
internal import MusterWire

/// `muster jobs`.
enum JobsCommand {
    static let limit = Flag<Int>.int(
        "limit", "N", in: 1...1_000, default: 50, "At most this many jobs, the newest first.")

    static let before = Flag<Int?>.int(
        "before", "ID", in: 1...Int.max,
        "Only jobs with a smaller number: the last one listed leads to the next thousand."
    ).environment("MUSTER_JOBS_BEFORE")
    static let state = Flag<String?>.text(
        "state", "STATE", as: .choice(JobState.allCases.map(\.rawValue), reserved: []), "Only jobs in this state."
    ).environment("MUSTER_JOBS_STATE")
    static let kernel = Flag<String?>.text(
        "kernel", "KERNEL", as: .text(bytesMax: 64, suggestions: KernelTable.names), "Only jobs of this kernel."
    ).environment("MUSTER_JOBS_KERNEL")

    static let command = Command(
        name: "jobs", summary: "list jobs",
        description: [
            "Prints a line for each job: its number, name, owner, kernel, state, how many tasks it has, how many are done and failed, how "
                + "long it took or has taken until now, and how long ago it was asked for."
        ],
        flags: [limit.spec, before.spec, state.spec, kernel.spec, TermsFlags.owner.spec] + CommonFlags.client,
        exits: CommonFlags.clientExits,
        examples: [
            Command.Example("muster jobs", "The newest jobs."),
            Command.Example("muster jobs --state running", "Those that run."),
            Command.Example("muster jobs --limit 1000 --json", "A thousand of them, for a program to read."),
            Command.Example("muster jobs --limit 1000 --before 1201", "The thousand before job 1201."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        var path = "/v1/jobs?limit=\(invocation[limit])"
        if let id = invocation[before] { path += "&before=\(id)" }
        if let state = invocation[state] { path += "&state=\(state)" }
        if let kernel = invocation[kernel] { path += "&kernel=\(escaped(kernel))" }
        if let owner = invocation[TermsFlags.owner] { path += "&owner=\(escaped(owner))" }
        let answer = try await CoordinatorClient(invocation).call("GET", path)
        if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
        try show(ListAnswer<JobStatus>(body: answer).items, invocation)
    }

    @MainActor private static func show(_ jobs: [JobStatus], _ invocation: Invocation) throws {
        // A column that is empty throughout says nothing.
        let haveNames = jobs.contains { !$0.name.isEmpty }
        let haveOwners = jobs.contains { !$0.owner.isEmpty }
        let labels = (haveNames ? ["NAME"] : []) + (haveOwners ? ["OWNER"] : [])
        var table = TextTable(
            [.init("JOB", .right)] + labels.map { .init($0) } + [
                .init("KERNEL"), .init("STATE"), .init("TASKS", .right), .init("DONE", .right), .init("FAILED", .right),
                .init("TIME", .right), .init("AGE", .right),
            ])
        let now = WallClock.seconds()
        for job in jobs {
            let labels = (haveNames ? [job.name] : []) + (haveOwners ? [job.owner] : [])
            table.add(
                ["\(job.id)"] + labels + [
                    job.kernel, job.state.rawValue, Format.count(job.count), Format.count(job.done),
                    Format.count(job.failed), Format.duration(job.seconds),
                    job.created > 0 ? Format.duration(max(0, now - job.created)) : "",
                ])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }

    /// Percent-encoded for a query (RFC 3986, 2.3).
    private static func escaped(_ text: String) -> String {
        text.utf8.map { byte in
            let scalar = UnicodeScalar(byte)
            let isPlain =
                byte < 0x80
                && (scalar.properties.isAlphabetic || (0x30...0x39).contains(byte) || "-._~".utf8.contains(byte))
            return isPlain ? String(scalar) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }
}
