/// The schemas that answers share, by the name that the document gives them. Answers that are no type of their own are
/// described here; the tests hold each sample answer against its schema.
package enum AnswerSchemas {
    package static let all: [(name: String, schema: Schema)] =
        types.map { ($0.schemaName, $0.ownSchema) } + lists + plain + fleet + edges

    /// All that have a name.
    static let types: [any WireWritable.Type] = [
        JobStatus.self, TaskStatus.self, JoinReply.self, MemberStatus.self, TokenStatus.self, SignInLink.self,
        JoinOffer.self, MachineStatus.self, CommandReceipt.self, WholeCommand.self, CommandStatus.self,
        ChildStatus.self, NumbersVerdict.self, NumbersProgress.self, LeaseOffer.self, VerdictForm.self,
        ImageStatus.self, ImageChange.self, ImageChanges.self,
    ]

    private static let lists: [(name: String, schema: Schema)] = [
        ("Jobs", list("jobs", JobStatus.self)), ("Tasks", list("tasks", TaskStatus.self)),
        ("Members", list("members", MemberStatus.self)), ("Tokens", list("tokens", TokenStatus.self)),
        ("Machines", list("machines", MachineStatus.self)), ("Commands", list("commands", CommandStatus.self)),
        ("Children", list("children", ChildStatus.self)), ("Leases", list("leases", LeaseOffer.self)),
        ("Verdicts", list("reports", VerdictForm.self)),
        (
            "Images",
            .open(
                .always("count", .integer, "Of all images."), .always("images", .list(.of(ImageStatus.self))),
                .always("next", .integer.orNull, "Ask for those after this id; null: there are no more."))
        ),
    ]

    private static func list(_ field: String, _ type: (some WireWritable).Type) -> Schema {
        .open(.always(field, .list(.of(type))))
    }

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

    private static let fleet: [(name: String, schema: Schema)] = [
        (
            "HeartbeatAnswer",
            .open(
                .always("success", .boolean), .maybe("rank", .integer), .always("members", .integer),
                .maybe("edges", .list(.prose), "For an edge: where the others are."))
        ),
        ("ClassicServers", .list(.closed(.always("name", .prose), .always("port", .prose)))),
        ("Rank", .open(.always("rank", .integer))),
        ("CommandResults", .map(.named("Success"))),
        ("ChildNames", .open(.always("children", .list(.named("ChildName"))))),
        ("ChildName", .open(.always("id", .id), .always("name", .prose))),
        (
            "Scaled",
            .open(
                .always("workers", .integer, "So many were asked for."), .always("running", .integer),
                .always("joined", .integer, "Those of them that are members."))
        ),
    ]

    private static let edges: [(name: String, schema: Schema)] = [
        ("ImageSize", .open(.always("id", .integer), .always("size", .integer, "Bytes."))),
        (
            "Edge",
            .open(
                .always("id", .id), .always("leader", .id.orNull), .always("term", .integer),
                .always("hits", .integer), .always("misses", .integer), .always("bytes", .integer),
                .always("objects", .integer), .always("memoryBytes", .integer), .always("diskBytes", .integer),
                .always("upstream", .prose),
                .always(
                    "edges", .list(.open(.always("id", .id), .always("url", .prose), .always("alive", .boolean)))))
        ),
        (
            "Purged",
            .open(
                .always("purged", .integer, "Answers that were forgotten."),
                .always("confirmed", .list(.id), "The edges that did it."),
                .always("missing", .list(.id), "Those that are away and do it before they serve again."))
        ),
    ]
}
