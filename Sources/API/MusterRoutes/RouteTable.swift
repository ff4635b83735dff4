internal import MusterAPI
internal import MusterCore
internal import MusterScheduling
internal import MusterWire

/// All routes of the coordinator.
package enum RouteTable {
    package static let all: [RouteSpec] =
        jobs + members + trust + volunteers + commands + pictures + children + work + window + plain
    package static func spec(_ name: RouteName) -> RouteSpec { all.first { $0.name == name }! }

    private static let smallBody = 64 << 10
    private static let ndjson = "application/x-ndjson"
    private static let eventStream = "text/event-stream"

    private static let jobs: [RouteSpec] = [
        RouteSpec(
            name: .createJob, method: "POST", pattern: "/v1/jobs", access: .admin,
            summary: "Ask for a job. Idempotency-Key makes it safe to repeat.",
            fields: .of(JobRequest.self, .idempotencyKey), bodyBytesMax: Limits.bodyBytesMax, status: 201,
            answer: .of(JobStatus.self)),
        RouteSpec(
            name: .assignAll, method: "POST", pattern: "/assign/all", access: .admin,
            summary:
                "Deal tuples of numbers to all live workers in turn; each adds up its own. Idempotency-Key makes it safe to "
                + "repeat. Where it is open, whoever asked without a token reads the job without one.",
            fields: .of(AssignRequest.self, .idempotencyKey), bodyBytesMax: Limits.bodyBytesMax, status: 201,
            isClassic: true, answer: .of(JobStatus.self)),
        RouteSpec(
            name: .listJobs, method: "GET", pattern: "/v1/jobs", access: .read, summary: "List jobs, newest first.",
            fields: [
                .query("limit", .integer(1...1_000), "At most so many, 1 to 1000, default 100."),
                .query("before", .id, "Only jobs with a smaller id."),
                .query("state", .choice(JobState.self), "Only those queued, running, done, failed or cancelled."),
                .query("kernel", .prose, "Only those of this kernel."),
                .query("owner", .prose, "Only those of this owner."),
            ], answer: .of(ListAnswer<JobStatus>.self)),
        RouteSpec(
            name: .job, method: "GET", pattern: "/v1/jobs/{id}", access: .read, summary: "How a job stands.",
            readsOpenJobs: true, answer: .of(JobStatus.self)),
        RouteSpec(
            name: .cancelJob, method: "DELETE", pattern: "/v1/jobs/{id}", access: .admin,
            summary: "Cancel a job; its recorded results stay.",
            fields: [
                .query(
                    "soon", .boolean,
                    "true: begin nothing more of it and let end what runs, then cancel it; answered at once. Ask again until it is over."
                )
            ], answer: .of(JobStatus.self)),
        RouteSpec(
            name: .jobTasks, method: "GET", pattern: "/v1/jobs/{id}/tasks", access: .read,
            summary: "Where a job's tasks are: which run at which worker, or failed and wait to be tried again.",
            fields: [
                .query("state", .choice(TaskStatus.State.self), "running (default) or retrying."),
                .query("from", .integer(0...Limits.jobTasksMax), "Start at this task."),
                .query("limit", .integer(1...Limits.tasksListedMax), "At most so many, 1 to 10000, default 1000."),
            ], answer: .of(ListAnswer<TaskStatus>.self)),
        RouteSpec(
            name: .retryJob, method: "POST", pattern: "/v1/jobs/{id}/retry", access: .admin,
            summary: "Run again, as the same job, those tasks of an ended job that failed or were cancelled.",
            status: 202, answer: .of(JobStatus.self)),
        RouteSpec(
            name: .forgetJob, method: "POST", pattern: "/v1/jobs/{id}/forget", access: .admin,
            summary: "Remove an ended job, with its inputs and results; its number is not given out again.",
            answer: .of(Success.self)),
        RouteSpec(
            name: .jobEvents, method: "GET", pattern: "/v1/jobs/{id}/events", access: .read,
            summary: "Server-sent events of a job: job (its state, at each change), until it ends.",
            readsOpenJobs: true, answerType: eventStream),
        RouteSpec(
            name: .jobResults, method: "GET", pattern: "/v1/jobs/{id}/results", access: .read,
            summary: "Results, a line a task.",
            fields: [
                .query("wait", .boolean, "true: stream results as they come, until the job ends."),
                .query("from", .integer(0...Limits.jobTasksMax), "Start at this task."),
                .query(
                    "order", .choice(ResultOrder.self),
                    "task (default): in task order; arrival, with wait: as they come, none held back for an earlier one."
                ),
            ], readsOpenJobs: true, answerType: ndjson),
        RouteSpec(
            name: .jobOutput, method: "GET", pattern: "/v1/jobs/{id}/output", access: .read,
            summary:
                "What a job's commands print while they run, a piece a line (OutputPiece), until the job ends. Workers hand it on only "
                + "while somebody reads it; nothing of it is stored. Where nothing comes there is a blank line every ten seconds.",
            fields: [.query("task", .integer(0...Limits.jobTasksMax), "Only of this task.")],
            readsOpenJobs: true, answerType: ndjson),
        RouteSpec(
            name: .events, method: "GET", pattern: "/v1/events", access: .read,
            summary: "Server-sent events of the fleet: members that join and go, jobs that begin and end.",
            answerType: eventStream),
    ]

    private static let members: [RouteSpec] = [
        RouteSpec(
            name: .joinFleet, method: "POST", pattern: "/v1/members", access: .join, summary: "Become a member.",
            fields: .of(JoinRequest.self), bodyBytesMax: smallBody, status: 201, answer: .of(JoinReply.self)),
        RouteSpec(
            name: .members, method: "GET", pattern: "/v1/members", access: .read,
            summary: "All members, by rank; then those without one.", answer: .of(ListAnswer<MemberStatus>.self)),
        RouteSpec(
            name: .member, method: "GET", pattern: "/v1/members/{id}", access: .read, summary: "One member.",
            answer: .of(MemberStatus.self)),
        RouteSpec(
            name: .leaveFleet, method: "DELETE", pattern: "/v1/members/{id}", access: .member,
            summary: "Leave; leases go back in line. The member itself or an admin.",
            fields: [
                .query(
                    "unbegun", .boolean,
                    "The member has begun nothing of what is leased to it: it is no loss, even where nothing is run twice."
                )
            ], answer: .of(Success.self)),
        RouteSpec(
            name: .drainMember, method: "POST", pattern: "/v1/members/{id}/drain", access: .admin,
            summary: "Have a worker finish what it has and leave: it gets nothing more.", status: 202,
            answer: .of(MemberStatus.self)),
        RouteSpec(
            name: .heartbeat, method: "POST", pattern: "/v1/members/{id}/heartbeat", access: .member,
            summary: "A sign of life; renews the leases it names.",
            fields: .of(Heartbeat.self),
            bodyBytesMax: 1 << 20, answer: .of(HeartbeatAnswer.self), isSignOfLife: true),
        RouteSpec(
            name: .memberStream, method: "GET", pattern: "/v1/members/{id}/stream", access: .member,
            summary: "Server-sent events for one member; while it is held, the member counts as connected.",
            fields: [.lastEventID("The last command that the member has; the stream goes on behind it.")],
            answerType: eventStream),
        RouteSpec(
            name: .memberSocket, method: "GET", pattern: "/v1/members/{id}/socket", access: .member,
            summary: "The same and heartbeats over one WebSocket (RFC 6455); docs/websocket.md has its messages.",
            fields: [
                .lastEventID("The last command that the member has; what comes is behind it."),
                .query("seen", .integer, "The same, for browsers, which cannot send that header."),
            ], status: 101),
        RouteSpec(
            name: .servers, method: "GET", pattern: "/servers", access: .read, summary: "The live workers.",
            answer: .of(ListAnswer<MemberStatus>.self)),
    ]

    private static let trust: [RouteSpec] = [
        RouteSpec(
            name: .createToken, method: "POST", pattern: "/v1/tokens", access: .admin,
            summary: "Make a token by which a volunteer's workers may join, and nothing else.",
            fields: .of(TokenRequest.self), bodyBytesMax: smallBody, status: 201,
            answer: .of(TokenStatus.self)),
        RouteSpec(
            name: .tokens, method: "GET", pattern: "/v1/tokens", access: .admin,
            summary: "Volunteers' tokens, without what proves them.", answer: .of(ListAnswer<TokenStatus>.self)),
        RouteSpec(
            name: .revokeToken, method: "DELETE", pattern: "/v1/tokens/{id}", access: .admin,
            summary: "Revoke a volunteer's token: who came by it goes, and what is not confirmed of them is redone.",
            answer: .of(TokenStatus.self)),
        RouteSpec(
            name: .machines, method: "GET", pattern: "/v1/machines", access: .read,
            summary: "Machines that ever joined: what each did, and how far it is believed. The 10,000 that did most.",
            answer: .of(ListAnswer<MachineStatus>.self)),
        RouteSpec(
            name: .createSignInLink, method: "POST", pattern: "/v1/sign-in-links", access: .admin,
            summary:
                "Make a link by which a browser comes in, once: path (behind this URL) and seconds, so long it is good.",
            status: 201, answer: .of(SignInLink.self)),
        RouteSpec(
            name: .signIn, method: "GET", pattern: "/sign-in", access: .open,
            summary: "Where such a link leads: the answer sets a cookie that has the rights of an admin.",
            fields: [.query("code", .string, "What only this link has.", required: true)], answerType: "text/html"),
        RouteSpec(
            name: .joinCommand, method: "POST", pattern: "/v1/join-command", access: .admin,
            summary:
                "What another machine needs to become a worker: the join token, this coordinator's URL, and where its program is, "
                + "which is packed at the first call.",
            fields: [.query("program", .boolean, "Whether the program is to be told of, too; default true.")],
            status: 201, answer: .of(JoinOffer.self)),
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
            summary: "Whether the token that is sent may join.", answer: .of(StatusWord.self)),
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
            fields: .of(CommandRequest.self), bodyBytesMax: smallBody, status: 202, answer: .of(CommandReceipt.self)),
        RouteSpec(
            name: .commands, method: "GET", pattern: "/v1/commands", access: .read,
            summary: "List commands, newest first.",
            fields: [
                .query("limit", .integer(1...1_000), "At most so many, 1 to 1000, default 100."),
                .query("before", .id, "Only commands with a smaller id."),
            ], answer: .of(ListAnswer<CommandStatus>.self)),
        RouteSpec(
            name: .command, method: "GET", pattern: "/v1/commands/{id}", access: .read,
            summary: "One command, and what became of it at each recipient.",
            answer: .of(WholeCommand.self)),
        RouteSpec(
            name: .assignRank, method: "POST", pattern: "/assign-rank", access: .join,
            summary: "Rank a member by its address; asking again changes nothing.",
            fields: .of(ClassicMember.self), bodyBytesMax: smallBody,
            isClassic: true, answer: .of(RankAnswer.self)),
        RouteSpec(
            name: .unassignRank, method: "DELETE", pattern: "/unassign-rank", access: .join,
            summary: "Take the rank of a member with this address away.",
            fields: .of(ClassicMember.self), bodyBytesMax: smallBody,
            isClassic: true, answer: .of(Success.self)),
        RouteSpec(
            name: .classicCommand, method: "POST", pattern: "/send-command", access: .join,
            summary: "Send a command from the member with this address to every lower rank, and say who has it.",
            fields: .of(ClassicCommand.self), bodyBytesMax: smallBody, isClassic: true, answer: .of(CommandResults.self)
        ),
    ]

    private static let pictures: [RouteSpec] = [
        RouteSpec(
            name: .picture, method: "GET", pattern: "/mandelbrot.png", access: .picture,
            summary: "A picture of the Mandelbrot set, sent while it is computed.",
            fields: PictureFields.query + [.ifNoneMatch], answerType: "image/png", otherStatuses: [304]),
        RouteSpec(
            name: .tile, method: "GET", pattern: "/tiles/{z}/{x}/{y}.png", access: .picture,
            summary: "One tile; level 0 is the whole set, each level halves the span.",
            fields: PictureFields.tileQuery + [.ifNoneMatch], answerType: "image/png", otherStatuses: [304],
            answerHeaders: [.musterWorkers],
            parameterSchemas: [
                "z": .integer(PictureBounds.tileLevels), "x": PictureFields.tilePlace, "y": PictureFields.tilePlace,
            ]),
        RouteSpec(
            name: .getServers, method: "GET", pattern: "/get_servers", access: .read,
            summary: "Classic: name and port of each live worker, in rank order.", isClassic: true,
            answer: .of(ClassicServerList.self)),
        RouteSpec(
            name: .proxConnected, method: "POST", pattern: "/prox_connected", access: .join,
            summary: "Classic: a server signs up; it is listed while GET /up at its port answers.",
            fields: .of(ClassicSignUp.self), bodyBytesMax: smallBody, isClassic: true, answer: .of(Message.self)),
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
            fields: .of(ChildrenRequest.self, .idempotencyKey), bodyBytesMax: smallBody, status: 202, isClassic: true,
            answer: .of(ListAnswer<ChildName>.self), mayAnswerText: true),
        RouteSpec(
            name: .createChildren, method: "POST", pattern: "/v1/children", access: .admin,
            summary: "Spawn children. Idempotency-Key makes it safe to repeat.",
            fields: .of(ChildrenRequest.self, .idempotencyKey), bodyBytesMax: smallBody, status: 202,
            answer: .of(ListAnswer<ChildName>.self)),
        RouteSpec(
            name: .children, method: "GET", pattern: "/v1/children", access: .read,
            summary: "List children, newest first.",
            fields: [
                .query("limit", .integer(1...1_000), "At most so many, 1 to 1000, default 100."),
                .query("before", .id, "Only children with a smaller id."),
            ], answer: .of(ListAnswer<ChildStatus>.self)),
        RouteSpec(
            name: .cancelChild, method: "DELETE", pattern: "/v1/children/{id}", access: .admin,
            summary: "Call a child off; the numbers that it brought stay. One that is over stays as it is.",
            answer: .of(ChildStatus.self)),
        RouteSpec(
            name: .childNumbers, method: "POST", pattern: "/v1/children/{id}/numbers", access: .child,
            summary: "A child delivers its next numbers; answered when they are durable.",
            fields: .of(NumbersReport.self), bodyBytesMax: 16 << 20, answer: .of(NumbersVerdict.self)),
        RouteSpec(
            name: .ownChild, method: "POST", pattern: "/v1/children/self", access: .join,
            summary: "A child that nobody launched delivers all its numbers. Idempotency-Key makes it safe to repeat.",
            fields: .of(NumbersReport.self, .idempotencyKey), bodyBytesMax: 16 << 20, answer: .of(NumbersVerdict.self)),
        RouteSpec(
            name: .progress, method: "GET", pattern: "/progress", access: .read,
            summary: "Unique numbers that children brought, and what part of the range they are.", isClassic: true,
            answer: .of(NumbersProgress.self)),
        RouteSpec(
            name: .scale, method: "POST", pattern: "/v1/scale", access: .admin,
            summary: "Have so many launched workers; fewer finish what they hold first.",
            fields: .of(ScaleRequest.self), bodyBytesMax: smallBody, status: 202, answer: .of(ScaleReply.self)),
        RouteSpec(
            name: .scaled, method: "GET", pattern: "/v1/scale", access: .read,
            summary: "How many launched workers there are, and why, where it is as many as the queue needs.",
            answer: .of(ScaleReply.self)),
    ]

    private static let work: [RouteSpec] = [
        RouteSpec(
            name: .leases, method: "POST", pattern: "/v1/leases", access: .member,
            summary: "Ask for work; held until there is some.",
            fields: .of(LeaseRequest.self), bodyBytesMax: smallBody, answer: .of(LeaseAnswer.self)),
        RouteSpec(
            name: .results, method: "POST", pattern: "/v1/results", access: .member,
            summary: "Deliver reports of finished tasks; answered when they are durable.",
            fields: .of(Delivery.self), bodyBytesMax: Limits.bodyBytesMax, answer: .of(ListAnswer<VerdictForm>.self)),
        RouteSpec(
            name: .output, method: "POST", pattern: "/v1/output", access: .member,
            summary: "Hand on what commands print while they run, of jobs that somebody follows.",
            fields: .of(OutputDelivery.self), bodyBytesMax: OutputDelivery.bodyBytesMax, answer: .of(Success.self)),
    ]

    /// What browsers show. Pages ask by other routes for what they show of the fleet.
    private static let window: [RouteSpec] = [
        RouteSpec(
            name: .dashboard, method: "GET", pattern: "/", access: .open,
            summary: "The dashboard, for whoever is signed in; for others a page that says how to.",
            fields: [.query("wrong", .prose, "token: the one that was tried is none.")], answerType: "text/html"),
        RouteSpec(
            name: .explorer, method: "GET", pattern: "/explore", access: .picture,
            summary: "The Mandelbrot set as a map of tiles.", answerType: "text/html"),
        RouteSpec(
            name: .windowFile, method: "GET", pattern: "/window/{name}", access: .open,
            summary: "A file of the dashboard: script, style, picture.", fields: [.ifNoneMatch], answerType: "*/*",
            otherStatuses: [304], parameterSchemas: ["name": .text(1...64, pattern: "^[a-z]+[.](js|css|svg)$")]),
        RouteSpec(
            name: .plainOverview, method: "GET", pattern: "/plain", access: .read,
            summary: "The overview as a page without a script.", answerType: "text/html"),
        RouteSpec(
            name: .overview, method: "GET", pattern: "/v1/overview", access: .read,
            summary:
                "The whole fleet at one moment: counts, members by rank and what they hold, unfinished jobs and the latest that "
                + "are over, what happened lately. At most 10,000 members and 10,000 unfinished jobs.",
            answer: .of(Overview.self)),
        RouteSpec(
            name: .overviewEvents, method: "GET", pattern: "/v1/overview/events", access: .read,
            summary:
                "Server-sent events: change (what is not any more as the overview of the number before says), at most ten a second.",
            answerType: eventStream),
        RouteSpec(
            name: .edges, method: "GET", pattern: "/v1/edges", access: .read,
            summary: "What each edge tells of itself, as the coordinator hears it, or why it does not. At most 64.",
            answer: .of(ListAnswer<ListedEdge>.self)),
        RouteSpec(
            name: .purgeEdges, method: "POST", pattern: "/v1/edges/purge", access: .admin,
            summary:
                "Have every edge of the fleet forget stored answers: 200, or 202 when some did not confirm. One of the fields.",
            fields: .of(PurgeRequest.self), bodyBytesMax: smallBody, answer: .of(FleetPurgeReply.self),
            otherStatuses: [202], needsBody: true),
        RouteSpec(
            name: .qrCode, method: "POST", pattern: "/v1/qr-code", access: .read,
            summary: "A text as a QR code, black on white; nothing of it is kept or logged.",
            fields: .of(QRCodeRequest.self), bodyBytesMax: smallBody, answerType: "image/svg+xml"),
        RouteSpec(
            name: .signInByToken, method: "POST", pattern: "/sign-in", access: .open,
            summary: "A form of this server's own page: the admin or the read token lets the browser in, by a cookie.",
            fields: [.form("token", .prose, "The fleet's admin or read token.")], bodyBytesMax: smallBody, status: 303,
            answerType: "text/html"),
        RouteSpec(
            name: .signOut, method: "POST", pattern: "/sign-out", access: .open,
            summary: "A form of this server's own page: the browser forgets its cookie.", status: 303,
            answerType: "text/html"),
    ]

    private static let plain: [RouteSpec] = [
        RouteSpec(
            name: .backup, method: "GET", pattern: "/v1/backup", access: .admin,
            summary:
                "A copy of the coordinator's store as it is now, with the fleet's tokens: an SQLite database. 409 where the store is on "
                + "PostgreSQL.",
            answerType: "application/vnd.sqlite3"),
        RouteSpec(
            name: .healthz, method: "GET", pattern: "/healthz", access: .open, summary: "The process lives.",
            answer: .of(StatusWord.self)),
        RouteSpec(
            name: .readyz, method: "GET", pattern: "/readyz", access: .open,
            summary: "The store takes writes: 200, else 503.", answer: .of(StatusWord.self)),
        RouteSpec(
            name: .metrics, method: "GET", pattern: "/metrics", access: .read, summary: "Prometheus metrics.",
            answerType: "text/plain"),
        RouteSpec(
            name: .limits, method: "GET", pattern: "/v1/limits", access: .read,
            summary: "The bounds by which this coordinator refused somebody since it began, the latest first.",
            answer: .of(ListAnswer<LimitStatus>.self)),
        RouteSpec(
            name: .openapi, method: "GET", pattern: "/openapi.json", access: .read, summary: "This document.",
            answer: .object),
    ]
}
