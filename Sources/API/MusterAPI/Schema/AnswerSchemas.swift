internal import MusterCore

/// The schemas that answers share, by the name that the document gives them. A field that an answer has gained belongs
/// here; the tests hold each sample answer against its schema.
package enum AnswerSchemas {
    package static let all: [(name: String, schema: Schema)] =
        plain + jobs + members + trust + commands + children + work + images + edges

    private static let plain: [(name: String, schema: Schema)] = [
        (
            "Problem",
            .open(
                .always("type", .prose, "about:blank or /problems/KIND."), .always("title", .prose),
                .always("status", .integer(400...599)),
                .always("detail", .prose, "What is wrong, with the offending value, and what to do."),
                .maybe("retryAfter", .integer, "Seconds after which asking again may help."))
        ),
        ("Success", .open(.always("success", .boolean))),
        ("Message", .open(.always("message", .prose))),
        ("Status", .open(.always("status", .prose))),
    ]

    private static let jobs: [(name: String, schema: Schema)] = [
        (
            "Job",
            .open(
                .always("id", .id), .always("kernel", .prose), .always("state", .choice(JobState.self)),
                .always("count", .integer, "Tasks."), .always("done", .integer, "Tasks with a value."),
                .always("failed", .integer, "Tasks that failed for good."),
                .always("workers", .map(.integer), "Recorded tasks by worker name."),
                .always("seconds", .seconds, "From submission to the end, or to now."),
                .always("priority", .choice(Priority.self)),
                .maybe("waiting", .prose, "Why nothing of it can be done now."), .maybe("quorum", .prose),
                .maybe("name", .prose, "What people call it."), .maybe("created", .seconds, "Since 1970."),
                .maybe("timeoutSeconds", .seconds, "How long an attempt at a task may take."))
        ),
        ("Jobs", list("jobs", of: "Job")),
        (
            "Task",
            .open(
                .always("task", .integer, "From 0."), .always("state", .choice(TaskStatus.State.self)),
                .always("worker", .prose, "Who has it, or where it failed last; empty when that member is gone."),
                .always("attempt", .id, "That is under way, or the next one."),
                .always("seconds", .seconds, "Since the worker was given it, or until it may be tried again."))
        ),
        ("Tasks", list("tasks", of: "Task")),
    ]

    private static let members: [(name: String, schema: Schema)] = [
        (
            "Joined",
            .open(
                .always("id", .id), .always("secret", .prose, "Its token: proves that it is this member."),
                .always("name", .prose), .always("rank", .integer.orNull),
                .maybe("fleetTokens", .object, "For an origin or an edge: how it tells the fleet's tokens."))
        ),
        (
            "Member",
            .open(
                .always("id", .id), .always("name", .prose), .always("role", .choice(MemberRole.self)),
                .always("rank", .integer.orNull, "0 is the highest; null: without one."), .always("address", .prose),
                .always("state", .prose, "How it stands: alive, suspect, draining, distrusted."),
                .always("joined", .seconds, "When, in seconds since 1970."), .always("slots", .integer),
                .always("version", .prose), .maybe("machine", .prose), .maybe("volunteer", .integer, "Its token's id."),
                .always("labels", .map(.prose)))
        ),
        ("Members", list("members", of: "Member")),
        (
            "HeartbeatAnswer",
            .open(
                .always("success", .boolean), .maybe("rank", .integer), .always("members", .integer),
                .maybe("edges", .list(.prose), "For an edge: where the others are."))
        ),
        ("ClassicServers", .list(.closed(.always("name", .prose), .always("port", .prose)))),
    ]

    private static let trust: [(name: String, schema: Schema)] = [
        (
            "Token",
            .open(
                .always("id", .id), .maybe("token", .prose, "What proves it; only in the answer to its making."),
                .always("label", .prose), .always("created", .seconds), .always("revoked", .seconds.orNull),
                .always("members", .integer, "Members that are here by it."))
        ),
        ("Tokens", list("tokens", of: "Token")),
        (
            "SignInLink",
            .open(
                .always("path", .prose, "What comes behind this URL."),
                .always("seconds", .integer, "It is good for so long."))
        ),
        (
            "JoinOffer",
            .open(
                .always("token", .prose, "The fleet's join token."),
                .always("url", .prose, "Where others reach this coordinator."),
                .always("platform", .prose, "What the program runs on, as uname -sm says."),
                .maybe(
                    "program",
                    .open(
                        .always("path", .prose, "What comes behind the URL."), .always("sha256", .prose),
                        .always("bytes", .integer))),
                .maybe("trouble", .prose, "Why there is no program to give."))
        ),
        (
            "Machine",
            .open(
                .always("machine", .prose), .always("name", .prose), .always("token", .integer.orNull),
                .always("state", .choice(MachineStatus.State.self)), .always("tasks", .integer),
                .always("seconds", .seconds), .always("accepted", .integer), .always("rejected", .integer),
                .always("reliability", .number(0...1)), .always("checked", .number(0...1)),
                .always("joins", .integer), .always("members", .integer), .always("firstSeen", .seconds),
                .always("lastSeen", .seconds), .always("version", .prose))
        ),
        ("Machines", list("machines", of: "Machine")),
    ]

    private static let commands: [(name: String, schema: Schema)] = [
        ("CommandReceipt", .open(.always("id", .id), .always("recipients", .integer))),
        ("Command", command(isWhole: true)),
        ("CommandSummary", command(isWhole: false)),
        ("Commands", list("commands", of: "CommandSummary")),
        ("Rank", .open(.always("rank", .integer))),
        ("CommandResults", .map(.named("Success"))),
    ]

    private static func command(isWhole: Bool) -> Schema {
        let counts = CommandOutcome.allCases.map { Schema.Field.always($0.rawValue, .integer) }
        let outcome = Schema.open(
            .always("member", .id), .maybe("name", .prose), .always("outcome", .choice(CommandOutcome.self)))
        let fields: [Schema.Field] = [
            .always("id", .id), .always("command", .prose),
            .always("sender", .integer.orNull, "Its rank when it sent; null: the operator."), .always("from", .prose),
            .always("view", .integer), .always("created", .seconds), .maybe("ended", .seconds),
            .always("recipients", .integer),
        ]
        return Schema(
            .object(fields + counts + (isWhole ? [.always("outcomes", .list(outcome))] : []), isClosed: false))
    }

    private static let children: [(name: String, schema: Schema)] = [
        ("ChildName", .open(.always("id", .id), .always("name", .prose))),
        ("ChildNames", list("children", of: "ChildName")),
        (
            "Child",
            .open(
                .always("id", .id), .always("name", .prose), .always("state", .choice(ChildState.self)),
                .maybe("numbers", .integer, "How many it is to bring; a foreign child's are what it brings."),
                .always("received", .integer),
                .always("rejected", .integer), .always("attempts", .integer), .always("created", .seconds),
                .maybe("ended", .seconds), .maybe("reason", .prose, "Why it died last."))
        ),
        ("Children", list("children", of: "Child")),
        ("Recorded", .open(.always("received", .integer), .always("done", .boolean))),
        (
            "Progress",
            .open(
                .always("uniqueNumbers", .integer), .always("percentage", .number(0...100)),
                .always("received", .integer), .always("duplicates", .integer), .always("range", .id),
                .always("rejected", .integer),
                .always(
                    "children",
                    .open(
                        .always("waiting", .integer), .always("live", .integer), .always("done", .integer),
                        .always("died", .integer), .always("failed", .integer),
                        .always("cancelled", .integer))))
        ),
        (
            "Scaled",
            .open(
                .always("workers", .integer, "So many were asked for."), .always("running", .integer),
                .always("joined", .integer, "Those of them that are members."))
        ),
    ]

    private static let work: [(name: String, schema: Schema)] = [
        (
            "Lease",
            .open(
                .always("job", .id), .always("first", .integer), .always("count", .id), .always("attempt", .id),
                .always("ticket", .prose), .always("kernel", .prose), .always("params", .object),
                .maybe("transient", .boolean), .maybe("inputs", .array, "One value a task."),
                .maybe("timeoutSeconds", .seconds, "A task that takes longer has failed."))
        ),
        ("Leases", list("leases", of: "Lease")),
        (
            "Verdict",
            .open(
                .always("verdict", .choice(["recorded", "stale", "forged", "again"])), .maybe("recorded", .integer),
                .maybe("reason", .prose))
        ),
        ("Verdicts", list("reports", of: "Verdict")),
    ]

    static func list(_ field: String, of name: String) -> Schema { .open(.always(field, .list(.named(name)))) }
}
