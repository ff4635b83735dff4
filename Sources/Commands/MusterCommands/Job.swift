internal import MusterAPI
internal import MusterClient
internal import MusterCommandLine
internal import MusterCore
internal import MusterJSON
internal import MusterWire
internal import RunRules

/// `muster job ID`.
enum JobCommand {
    static let id = CommonFlags.jobID
    static let tasks = Flag.bool(
        "tasks",
        "List where its tasks are instead: those that run, and those that failed and are to be tried again. At most "
            + "1,000 of each.")

    static let wait = Flag.bool(
        "wait", short: "w", "Wait until the job has ended, with progress on standard error; then show it.")

    static let command = Command(
        name: "job", summary: "show one job",
        description: [
            "Prints the job's state, how many of its tasks are done and failed, and how many each worker did.",
            "--wait comes back to a job that 'muster submit --wait' or 'muster assign' was waiting for.",
        ],
        positionals: [id.spec], flags: [tasks.spec, wait.spec] + CommonFlags.client,
        exits: CommonFlags.clientExits + [
            Command.Exit(.failure, "With --wait: the job failed or was cancelled."),
            Command.Exit(.noInput, "There is no such job."),
        ],
        examples: [
            Command.Example("muster job 17", "How job 17 stands."),
            Command.Example("muster job 17 --tasks", "Which of its tasks run where."),
            Command.Example("muster job 17 --wait", "How it ended, once it has."),
            Command.Example("muster job 17 --json", "How it stands, as the coordinator sends it."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let client = try CoordinatorClient(invocation)
        if invocation[tasks] { return try await listTasks(client, invocation) }
        let answer = try await client.call("GET", "/v1/jobs/\(invocation[id])")
        guard invocation[wait] else {
            if invocation[CommonFlags.json] { return try invocation.out.write(answer + [0x0A]) }
            return try show(JobStatus(JSONValue(parsing: answer)), invocation.out)
        }
        var job = try JobStatus(JSONValue(parsing: answer))
        if !job.state.isFinal { job = try await invocation.waitForJob(job, client) }
        if invocation[CommonFlags.json] { try write(job, invocation.out) } else { try show(job, invocation.out) }
        try JobWatch.requireDone(job)
    }

    /// As JSON, in a line.
    @MainActor static func write(_ job: JobStatus, _ out: StandardOutput) throws {
        try out.write(job.body + [0x0A])
    }

    @MainActor private static func listTasks(_ client: CoordinatorClient, _ invocation: Invocation) async throws {
        var tasks: [TaskStatus] = []
        for state in TaskStatus.State.allCases {
            let answer = try await client.call("GET", "/v1/jobs/\(invocation[id])/tasks?state=\(state.rawValue)")
            tasks += try ListAnswer<TaskStatus>(body: answer).items
        }
        if invocation[CommonFlags.json] {
            return try invocation.out.write(ListAnswer(tasks).body + [0x0A])
        }
        var table = TextTable([
            .init("TASK", .right), .init("STATE"), .init("ATTEMPT", .right), .init("TIME", .right), .init("WORKER"),
        ])
        for task in tasks {
            table.add([
                "\(task.task)", task.state.rawValue, "\(task.attempt)", Format.duration(task.seconds), task.worker,
            ])
        }
        try invocation.out.write(table.rendered(width: Terminal.standardOutput(invocation.environment).cutWidth))
    }

    @MainActor static func show(_ job: JobStatus, _ out: StandardOutput) throws {
        try out.line("job       \(job.id)")
        if !job.name.isEmpty { try out.line("name      \(Terminal.clean(job.name))") }
        if !job.owner.isEmpty { try out.line("owner     \(Terminal.clean(job.owner))") }
        try out.line("kernel    \(Terminal.clean(job.kernel))")
        try out.line("state     \(job.state.rawValue)")
        if let waiting = job.waiting { try out.line("waiting   \(Terminal.clean(waiting))") }
        if !job.reason.isEmpty { try out.line("reason    \(Terminal.clean(job.reason))") }
        try out.line("tasks     \(Format.count(job.count))")
        try out.line("done      \(Format.count(job.done)) (\(Format.percent(job.done, of: job.count)))")
        try out.line("failed    \(Format.count(job.failed))")
        try out.line("time      \(Format.duration(job.seconds))")
        if job.created > 0 { try out.line("created   \(WallClock.text(job.created))") }
        if let limit = job.timeoutSeconds { try out.line("timeout   \(Format.duration(limit)) a task") }
        if let delay = job.startDelay { try out.line("delay     \(Format.duration(delay.inSeconds)) between starts") }
        if let halt = job.halt { try out.line("halt      \(halt.text)") }
        if let needs = job.needs {
            try out.line("needs     \(Terminal.clean(needs.words.joined(separator: ", "))) a task")
        }
        for (jobs, what) in [(job.after.done, "done"), (job.after.ended, "ended")] where !jobs.isEmpty {
            try out.line("after     \(jobs.map(\.description).joined(separator: ", ")) (\(what))")
        }
        for (name, count) in job.workers.sorted(by: { ($1.value, $0.key) < ($0.value, $1.key) }) {
            try out.line("worker    \(Terminal.clean(name)): \(Format.count(count))")
        }
    }
}
