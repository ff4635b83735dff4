internal import MusterCore
internal import MusterScheduling

/// All routes of the coordinator.
package enum RouteTable {
    package static let all: [RouteSpec] =
        jobs + members + trust + volunteers + commands + pictures + children + work + plain
    package static func spec(_ name: RouteName) -> RouteSpec { all.first { $0.name == name }! }

    private static let smallBody = 64 << 10
    private static let ndjson = "application/x-ndjson"
    private static let eventStream = "text/event-stream"

    private static let jobs: [RouteSpec] = [
        RouteSpec(
            name: .createJob, method: "POST", pattern: "/v1/jobs", access: .admin,
            summary: "Ask for a job. Idempotency-Key makes it safe to repeat.",
            fields: [
                .body("kernel", .text(1...Limits.nameBytesMax), "What each task computes.", required: true),
                .body("count", .integer(1...Limits.jobTasksMax), "How many tasks; needed when there are no inputs."),
                .body("inputs", .array, "One JSON value a task."),
                .body("params", .object, "Handed to the kernel."),
                .body("priority", .choice(Priority.self), "interactive or batch (default)."),
                .body(
                    "attempts", .integer(1...Limits.attemptsMax),
                    "A task that failed so often has failed for good, 1 to 100; default 5, of container 1."),
                .body(
                    "retryDelay", .number(0...Limits.retryDelaySecondsMax),
                    "Seconds that a failed task rests before it is tried again, 0 to 3600, default 1; then twice as long each time, at most 60."
                ),
                .body(
                    "atMost", .integer(1...Limits.jobTasksMax),
                    "So many of its tasks run at one time; default: as many as there are slots."),
                .body(
                    "copies", .boolean,
                    "Whether idle workers may compute again what others are slow with; default true, of container false."
                ),
                .body(
                    "quorum", .text(3...5, pattern: "^[0-9]{1,2}/[0-9]{1,2}$"),
                    "k/n: each task counts when k of at first n machines agree on it."),
                .body("name", shown, "What people call it: at most 128 bytes; empty for none."),
                .body(
                    "timeoutSeconds", .number(Limits.timeoutSecondsMin...Limits.timeoutSecondsMax),
                    "An attempt at a task that takes longer has failed; 0.1 to 2592000."),
                .idempotencyKey,
            ], bodyBytesMax: Limits.bodyBytesMax, status: 201, answer: .named("Job")),
        RouteSpec(
            name: .assignAll, method: "POST", pattern: "/assign/all", access: .admin,
            summary:
                "Deal tuples of numbers to all live workers in turn; each adds up its own. Idempotency-Key makes it safe to "
                + "repeat. Where it is open, whoever asked without a token reads the job without one.",
            fields: [
                .body(
                    "dataset",
                    .list(
                        .list(.number, 1...AssignRequest.numbersMax),
                        1...AssignRequest.tuplesMax),
                    "1 to 100000 lists of 1 to 64 numbers; default 100 pairs of random numbers from 1 to 1000."),
                .idempotencyKey,
            ], bodyBytesMax: Limits.bodyBytesMax, status: 201, isClassic: true, answer: .named("Job")),
        RouteSpec(
            name: .listJobs, method: "GET", pattern: "/v1/jobs", access: .read, summary: "List jobs, newest first.",
            fields: [
                .query("limit", .integer(1...1_000), "At most so many, 1 to 1000, default 100."),
                .query("before", .id, "Only jobs with a smaller id."),
                .query(
                    "state", .choice(JobState.self),
                    "Only those that are queued, running, done, failed or cancelled."),
                .query("kernel", .prose, "Only those of this kernel."),
            ], answer: .named("Jobs")),
        RouteSpec(
            name: .job, method: "GET", pattern: "/v1/jobs/{id}", access: .read, summary: "How a job stands.",
            readsOpenJobs: true, answer: .named("Job")),
        RouteSpec(
            name: .cancelJob, method: "DELETE", pattern: "/v1/jobs/{id}", access: .admin,
            summary: "Cancel a job; its recorded results stay.", answer: .named("Job")),
        RouteSpec(
            name: .jobTasks, method: "GET", pattern: "/v1/jobs/{id}/tasks", access: .read,
            summary: "Where a job's tasks are: which run at which worker, or failed and wait to be tried again.",
            fields: [
                .query("state", .choice(TaskStatus.State.self), "running (default) or retrying."),
                .query("from", .integer(0...Limits.jobTasksMax), "Start at this task."),
                .query("limit", .integer(1...Limits.tasksListedMax), "At most so many, 1 to 10000, default 1000."),
            ], answer: .named("Tasks")),
        RouteSpec(
            name: .retryJob, method: "POST", pattern: "/v1/jobs/{id}/retry", access: .admin,
            summary: "Run again, as the same job, those tasks of an ended job that failed or were cancelled.",
            status: 202, answer: .named("Job")),
        RouteSpec(
            name: .jobEvents, method: "GET", pattern: "/v1/jobs/{id}/events", access: .read,
            summary: "Server-sent events of a job: job (its state, at each change), until it ends.",
            readsOpenJobs: true, answerType: eventStream),
        RouteSpec(
            name: .jobResults, method: "GET", pattern: "/v1/jobs/{id}/results", access: .read,
            summary: "Results in task order, a line a task.",
            fields: [
                .query("wait", .boolean, "true: stream results as they come, until the job ends."),
                .query("from", .integer(0...Limits.jobTasksMax), "Start at this task."),
            ], readsOpenJobs: true, answerType: ndjson),
        RouteSpec(
            name: .events, method: "GET", pattern: "/v1/events", access: .read,
            summary: "Server-sent events of the fleet: members that join and go, jobs that begin and end.",
            answerType: eventStream),
    ]

    private static let members: [RouteSpec] = [
        RouteSpec(
            name: .joinFleet, method: "POST", pattern: "/v1/members", access: .join, summary: "Become a member.",
            fields: [
                .body("name", shown, "The name to be known by; made unique."),
                .body(
                    "role", .choice(MemberRole.self),
                    "worker (default), client, or origin or edge: those two have no rank."),
                .body("slots", .integer(1...Limits.slotsMax), "Tasks that a worker runs at the same time."),
                .body("labels", .map(.string, countMax: Limits.labelsMax), "Strings that describe the member."),
                .body("version", .string, "Of the member's program."),
                .body("incarnation", .string, "A secret of the process: joining again with it gives the same member."),
                .body("machine", .string, "The machine it runs on; the same for all workers there."),
                .body("callback", .text(0...512), "Where it takes commands: POST CALLBACK/receive-command."),
                .body("id", .id, "The id of an earlier joining, to have it again."),
                .body("secret", .string, "The secret of that earlier joining."),
            ], bodyBytesMax: smallBody, status: 201, answer: .named("Joined")),
        RouteSpec(
            name: .members, method: "GET", pattern: "/v1/members", access: .read,
            summary: "All members, by rank; then those without one.", answer: .named("Members")),
        RouteSpec(
            name: .member, method: "GET", pattern: "/v1/members/{id}", access: .read, summary: "One member.",
            answer: .named("Member")),
        RouteSpec(
            name: .leaveFleet, method: "DELETE", pattern: "/v1/members/{id}", access: .member,
            summary: "Leave; leases go back in line. The member itself or an admin.", answer: .named("Success")),
        RouteSpec(
            name: .drainMember, method: "POST", pattern: "/v1/members/{id}/drain", access: .admin,
            summary: "Have a worker finish what it has and leave: it gets nothing more.", status: 202,
            answer: .named("Member")),
        RouteSpec(
            name: .heartbeat, method: "POST", pattern: "/v1/members/{id}/heartbeat", access: .member,
            summary: "A sign of life; renews the leases it names.",
            fields: [
                .body("leases", .list(leaseKey, 0...Limits.slotsMax), "Leases that the member holds."),
                .body("acknowledged", .integer, "The last command that it has; it has all before that too."),
                .body(
                    "edges", .closed(.always("leader", .integer(1...65_535)), .always("term", .integer)),
                    "Of an edge: who leads the edges, as far as it knows."),
            ],
            bodyBytesMax: 1 << 20, answer: .named("HeartbeatAnswer"), isSignOfLife: true),
        RouteSpec(
            name: .memberStream, method: "GET", pattern: "/v1/members/{id}/stream", access: .member,
            summary: "Server-sent events for one member; while it is held, the member counts as connected.",
            fields: [.lastEventID("The last command that the member has; the stream goes on behind it.")],
            answerType: eventStream),
        RouteSpec(
            name: .servers, method: "GET", pattern: "/servers", access: .read, summary: "The live workers.",
            answer: .named("Members")),
    ]

    private static let trust: [RouteSpec] = [
        RouteSpec(
            name: .createToken, method: "POST", pattern: "/v1/tokens", access: .admin,
            summary: "Make a token by which a volunteer's workers may join, and nothing else.",
            fields: [.body("label", .string, "For people: whose it is.")], bodyBytesMax: smallBody, status: 201,
            answer: .named("Token")),
        RouteSpec(
            name: .tokens, method: "GET", pattern: "/v1/tokens", access: .admin,
            summary: "Volunteers' tokens, without what proves them.", answer: .named("Tokens")),
        RouteSpec(
            name: .revokeToken, method: "DELETE", pattern: "/v1/tokens/{id}", access: .admin,
            summary: "Revoke a volunteer's token: who came by it goes, and what is not confirmed of them is redone.",
            answer: .named("Token")),
        RouteSpec(
            name: .machines, method: "GET", pattern: "/v1/machines", access: .read,
            summary: "Machines that ever joined: what each did, and how far it is believed. The 10,000 that did most.",
            answer: .named("Machines")),
        RouteSpec(
            name: .createSignInLink, method: "POST", pattern: "/v1/sign-in-links", access: .admin,
            summary:
                "Make a link by which a browser comes in, once: path (behind this URL) and seconds, so long it is good.",
            status: 201, answer: .named("SignInLink")),
        RouteSpec(
            name: .signIn, method: "GET", pattern: "/sign-in", access: .open,
            summary: "Where such a link leads: the answer sets a cookie that has the rights of an admin.",
            fields: [.query("code", .string, "What only this link has.", required: true)], answerType: "text/plain"),
        RouteSpec(
            name: .joinCommand, method: "POST", pattern: "/v1/join-command", access: .admin,
            summary:
                "What another machine needs to become a worker: the join token, this coordinator's URL, and where its program is, "
                + "which is packed at the first call.",
            status: 201, answer: .named("JoinOffer")),
        RouteSpec(
            name: .program, method: "GET", pattern: "/v1/program/{code}", access: .open,
            summary: "The packed program, for whoever was told the code by POST /v1/join-command.",
            answerType: "application/gzip", parameterSchemas: ["code": .text(32...32, pattern: "^[0-9a-f]{32}$")]),
    ]

    /// Those that are open to everybody are there with `--volunteers` only.
    package static let volunteers: [RouteSpec] = [
        RouteSpec(
            name: .install, method: "GET", pattern: "/install.sh", access: .open,
            summary: "With --volunteers: the script that makes a machine a volunteer, with a token of its own.",
            answerType: "text/x-shellscript"),
        RouteSpec(
            name: .ownToken, method: "GET", pattern: "/v1/tokens/own", access: .join,
            summary: "Whether the token that is sent may join.", answer: .named("Status")),
        RouteSpec(
            name: .volunteerImage, method: "GET", pattern: "/v1/image.tar", access: .open,
            summary: "With --volunteers: the image that volunteers' engines load.", answerType: "application/x-tar"),
        RouteSpec(
            name: .volunteerImageChecksum, method: "GET", pattern: "/v1/image.sha256", access: .open,
            summary: "Its SHA-256 in hexadecimal digits, as sha256sum -c reads it.", answerType: "text/plain"),
        RouteSpec(
            name: .volunteerArchive, method: "GET", pattern: "/v1/archive.tar.gz", access: .open,
            summary: "With --volunteers: this program with all its libraries, for machines without an engine.",
            answerType: "application/gzip"),
        RouteSpec(
            name: .volunteerArchiveChecksum, method: "GET", pattern: "/v1/archive.sha256", access: .open,
            summary: "Its SHA-256 in hexadecimal digits, as sha256sum -c reads it.", answerType: "text/plain"),
    ]

    private static let commands: [RouteSpec] = [
        RouteSpec(
            name: .sendCommand, method: "POST", pattern: "/v1/commands", access: .send,
            summary: "Send a command to every member of lower rank; an admin sends as the operator, above rank 0.",
            fields: [
                .body("command", commandText, "Its text, 1 to 4096 bytes.", required: true),
                .body("from", .either(.string, .integer), "The sender's name or id; a member sends for itself only."),
            ], bodyBytesMax: smallBody, status: 202, answer: .named("CommandReceipt")),
        RouteSpec(
            name: .commands, method: "GET", pattern: "/v1/commands", access: .read,
            summary: "List commands, newest first.",
            fields: [
                .query("limit", .integer(1...1_000), "At most so many, 1 to 1000, default 100."),
                .query("before", .id, "Only commands with a smaller id."),
            ], answer: .named("Commands")),
        RouteSpec(
            name: .command, method: "GET", pattern: "/v1/commands/{id}", access: .read,
            summary: "One command, and what became of it at each recipient.",
            answer: .named("Command")),
        RouteSpec(
            name: .assignRank, method: "POST", pattern: "/assign-rank", access: .join,
            summary: "Rank a member by its address; asking again changes nothing.",
            fields: [.body("ip_port", address, "Like http://1.2.3.4:5000.", required: true)], bodyBytesMax: smallBody,
            isClassic: true, answer: .named("Rank")),
        RouteSpec(
            name: .unassignRank, method: "DELETE", pattern: "/unassign-rank", access: .join,
            summary: "Take the rank of a member with this address away.",
            fields: [.body("ip_port", address, "Like http://1.2.3.4:5000.", required: true)], bodyBytesMax: smallBody,
            isClassic: true, answer: .named("Success")),
        RouteSpec(
            name: .classicCommand, method: "POST", pattern: "/send-command", access: .join,
            summary: "Send a command from the member with this address to every lower rank, and say who has it.",
            fields: [
                .body("ip_port", address, "The sender's address; an unknown one is ranked last.", required: true),
                .body("command", commandText, "Its text, 1 to 4096 bytes.", required: true),
            ], bodyBytesMax: smallBody, isClassic: true, answer: .named("CommandResults")),
    ]

    private static let commandText = Schema.text(1...Limits.commandBytesMax)
    /// A host, perhaps with a scheme before it and a port behind.
    private static let address = Schema.text(1...512, pattern: "^([hH][tT][tT][pP][sS]?://)?[-A-Za-z0-9._:\\[\\]]+/*$")
    private static let leaseKey = Schema.closed(
        .always("job", .id), .always("first", .integer(0...Limits.jobTasksMax)),
        .always("count", .integer(1...Limits.jobTasksMax)), .always("attempt", .integer(1...Int(Int32.max))))

    private static let pictures: [RouteSpec] = [
        RouteSpec(
            name: .picture, method: "GET", pattern: "/mandelbrot.png", access: .picture,
            summary: "A picture of the Mandelbrot set, sent while it is computed.",
            fields: PictureFields.query + [.ifNoneMatch], answerType: "image/png", otherStatuses: [304]),
        RouteSpec(
            name: .tile, method: "GET", pattern: "/tiles/{z}/{x}/{y}.png", access: .picture,
            summary: "One tile of 256 x 256 pixels; level 0 is the whole set, each level halves the span.",
            fields: [.ifNoneMatch], answerType: "image/png", otherStatuses: [304],
            parameterSchemas: [
                "z": .integer(PictureBounds.tileLevels), "x": PictureFields.tilePlace, "y": PictureFields.tilePlace,
            ]),
        RouteSpec(
            name: .getServers, method: "GET", pattern: "/get_servers", access: .read,
            summary: "Classic: name and port of each live worker, in rank order.", isClassic: true,
            answer: .named("ClassicServers")),
        RouteSpec(
            name: .proxConnected, method: "POST", pattern: "/prox_connected", access: .join,
            summary: "Classic: a server signs up; it is listed while GET /up at its port answers.",
            fields: [
                .body("name", .text(1...253, pattern: "^[-A-Za-z0-9._:]+$"), "Its host.", required: true),
                .body("port", .text(1...5, pattern: "^[0-9]+$"), "Its port, as a string.", required: true),
            ], bodyBytesMax: smallBody, isClassic: true, answer: .named("Message")),
        RouteSpec(
            name: .getMbrot, method: "POST", pattern: "/get_mbrot", access: .read,
            summary: "Classic: vertical strip id of total of a picture, or all of it.",
            fields: [
                .form("id", .integer(0...4_095), "Which strip, from 0 at the left."),
                .form("total", .integer(1...4_096), "How many strips; each is width / total wide, rounded down."),
                .form(
                    "width", .integer(1...PictureBounds.sideMax),
                    "Pixels of the whole picture, default 1920; it is two thirds as high."),
                .form("escape", .integer(1...PictureBounds.escapeMax), "Iteration limit, default 1000."),
                .form("server", .prose, "Read and ignored."), .form("port", .prose, "Read and ignored."),
            ], bodyBytesMax: smallBody, isClassic: true, answerType: "image/png"),
    ]

    private static let children: [RouteSpec] = [
        RouteSpec(
            name: .createChild, method: "POST", pattern: "/create-child", access: .admin,
            summary:
                "Spawn children; with no body one, and a text for an answer. Idempotency-Key makes it safe to repeat.",
            fields: childFields, bodyBytesMax: smallBody, status: 202, isClassic: true, answer: .named("ChildNames"),
            mayAnswerText: true),
        RouteSpec(
            name: .createChildren, method: "POST", pattern: "/v1/children", access: .admin,
            summary: "Spawn children. Idempotency-Key makes it safe to repeat.", fields: childFields,
            bodyBytesMax: smallBody, status: 202, answer: .named("ChildNames")),
        RouteSpec(
            name: .children, method: "GET", pattern: "/v1/children", access: .read,
            summary: "List children, newest first.",
            fields: [
                .query("limit", .integer(1...1_000), "At most so many, 1 to 1000, default 100."),
                .query("before", .id, "Only children with a smaller id."),
            ], answer: .named("Children")),
        RouteSpec(
            name: .cancelChild, method: "DELETE", pattern: "/v1/children/{id}", access: .admin,
            summary: "Call a child off; the numbers that it brought stay. One that is over stays as it is.",
            answer: .named("Child")),
        RouteSpec(
            name: .childNumbers, method: "POST", pattern: "/v1/children/{id}/numbers", access: .child,
            summary: "A child delivers its next numbers; answered when they are durable.",
            fields: numberFields, bodyBytesMax: 16 << 20, answer: .named("Recorded")),
        RouteSpec(
            name: .ownChild, method: "POST", pattern: "/v1/children/self", access: .join,
            summary: "A child that nobody launched delivers all its numbers. Idempotency-Key makes it safe to repeat.",
            fields: numberFields + [.idempotencyKey], bodyBytesMax: 16 << 20, answer: .named("Recorded")),
        RouteSpec(
            name: .progress, method: "GET", pattern: "/progress", access: .read,
            summary: "Unique numbers that children brought, and what part of the range they are.", isClassic: true,
            answer: .named("Progress")),
        RouteSpec(
            name: .scale, method: "POST", pattern: "/v1/scale", access: .admin,
            summary: "Have so many launched workers; fewer finish what they hold first.",
            fields: [.body("workers", .integer(0...WorkerPool.workersMax), "0 to 1000.", required: true)],
            bodyBytesMax: smallBody, status: 202, answer: .named("Scaled")),
    ]
    private static let numberFields: [FieldSpec] = [
        .body("offset", .integer(0...Int(Int32.max)), "How many of its numbers are recorded already."),
        .body(
            "numbers", .list(.integer(1...Limits.numberRangeMax), 0...Limits.childReportMax),
            "Whole numbers from 1 to the range.", required: true),
        .body("rejected", .integer(0...Int(Int32.max)), "Lines that were no number."),
        .body("last", .boolean, "There are no more."),
    ]
    /// A name that people can see: without control characters, and not of blanks alone.
    private static let shown = Schema.text(
        0...Limits.nameBytesMax,
        pattern: "^([^\\x00-\\x1f\\x7f]*[^\\s\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]*)?$")
    private static let childFields: [FieldSpec] = [
        .body("count", .integer(1...Limits.childrenAtOnceMax), "How many, 1 to 10,000; default 1."),
        .body(
            "numbers", .integer(1...Limits.childNumbersMax),
            "How many numbers each brings, 1 to 10,000,000; default 1,000."),
        .idempotencyKey,
    ]

    private static let work: [RouteSpec] = [
        RouteSpec(
            name: .leases, method: "POST", pattern: "/v1/leases", access: .member,
            summary: "Ask for work; held until there is some.",
            fields: [
                .body("slots", .integer(1...Limits.slotsMax), "Most batches to be granted, default 1."),
                .body("kernels", .list(.string, 0...256), "Names of the kernels that the worker has.", required: true),
                .body(
                    "waitSeconds", .number(0...Limits.leaseWaitSecondsMax),
                    "How long to hold the call, 0 to 60, default 30."),
            ], bodyBytesMax: smallBody, answer: .named("Leases")),
        RouteSpec(
            name: .results, method: "POST", pattern: "/v1/results", access: .member,
            summary: "Deliver reports of finished tasks; answered when they are durable.",
            fields: [
                .body(
                    "reports", .list(report, 0...1_000),
                    "What became of granted tasks, a value and a time each; a failed task's value is what it left, or null.",
                    required: true)
            ], bodyBytesMax: Limits.bodyBytesMax, answer: .named("Verdicts")),
    ]

    private static let report = Schema.closed(
        .always("job", .id), .always("first", .integer(0...Limits.jobTasksMax)),
        .always("count", .integer(1...Limits.jobTasksMax)), .always("attempt", .integer(1...Int(Int32.max))),
        .always("ticket", .string), .maybe("start", .integer(0...Limits.jobTasksMax)),
        .always("values", .list(.any, 1...Limits.jobTasksMax)),
        .always("seconds", .list(.number(0...1e15), 1...Limits.jobTasksMax)),
        .maybe(
            "failures",
            .list(
                .closed(
                    .always("task", .integer(0...Limits.jobTasksMax)),
                    .maybe("error", .text(0...Limits.valueBytesMax)),
                    .maybe("ownFault", .boolean, "The worker is to blame, and nothing was tried.")))),
        .maybe("binary", .boolean, "Only in a body of bytes, which follow its first line."))

    private static let plain: [RouteSpec] = [
        RouteSpec(
            name: .backup, method: "GET", pattern: "/v1/backup", access: .admin,
            summary: "A copy of the coordinator's store as it is now, with the fleet's tokens: an SQLite database.",
            answerType: "application/vnd.sqlite3"),
        RouteSpec(
            name: .healthz, method: "GET", pattern: "/healthz", access: .open, summary: "The process lives.",
            answer: .named("Status")),
        RouteSpec(
            name: .readyz, method: "GET", pattern: "/readyz", access: .open,
            summary: "The store takes writes: 200, else 503.", answer: .named("Status")),
        RouteSpec(
            name: .metrics, method: "GET", pattern: "/metrics", access: .read, summary: "Prometheus metrics.",
            answerType: "text/plain"),
        RouteSpec(
            name: .openapi, method: "GET", pattern: "/openapi.json", access: .read, summary: "This document.",
            answer: .object),
    ]
}
