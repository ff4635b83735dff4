/// The schemas that answers share, by the name that the document gives them; the tests hold each sample answer against its
/// schema.
package enum AnswerSchemas {
    package static let all: [(name: String, schema: Schema)] = types.map { ($0.schemaName, $0.ownSchema) } + untyped

    /// All that have a name.
    static let types: [any WireWritable.Type] = single + lists

    private static let single: [any WireWritable.Type] = [
        JobStatus.self, TaskStatus.self, JoinReply.self, MemberStatus.self, TokenStatus.self, SignInLink.self,
        JoinOffer.self, MachineStatus.self, CommandReceipt.self, WholeCommand.self, CommandStatus.self,
        ChildStatus.self, NumbersVerdict.self, NumbersProgress.self, LeaseOffer.self, VerdictForm.self,
        ImageStatus.self, ImageChange.self, ImageChanges.self, ImageSize.self, Success.self, Message.self,
        StatusWord.self, HeartbeatAnswer.self, RankAnswer.self, ScaleReply.self, ChildName.self, EdgeState.self,
        PurgeReply.self,
    ]

    private static let lists: [any WireWritable.Type] = [
        ListAnswer<JobStatus>.self, ListAnswer<TaskStatus>.self, ListAnswer<MemberStatus>.self,
        ListAnswer<TokenStatus>.self,
        ListAnswer<MachineStatus>.self, ListAnswer<CommandStatus>.self, ListAnswer<ChildStatus>.self,
        ListAnswer<ChildName>.self, ListAnswer<LeaseOffer>.self, ListAnswer<VerdictForm>.self,
    ]

    /// What is written as it comes: a page of images, an object whose keys are addresses, a bare list, and problems.
    private static let untyped: [(name: String, schema: Schema)] = [
        (
            "Images",
            .open(
                .always("count", .integer, "Of all images."), .always("images", .list(.of(ImageStatus.self))),
                .always("next", .integer.orNull, "Ask for those after this id; null: there are no more."))
        ),
        ("CommandResults", .map(.of(Success.self))),
        ("ClassicServers", .list(.of(ClassicServerPlace.self))),
        (
            "Problem",
            .open(
                .always("type", .prose, "about:blank or /problems/KIND."), .always("title", .prose),
                .always("status", .integer(400...599)),
                .always("detail", .prose, "What is wrong, with the offending value, and what to do."),
                .maybe("retryAfter", .integer, "Seconds after which asking again may help."))
        ),
    ]
}
