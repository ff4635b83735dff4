package import MusterWire

/// The schemas that answers share, by the name that the document gives them; the tests hold each sample answer against its
/// schema.
package enum AnswerSchemas {
    package static let all: [(name: String, schema: Schema)] = types.map { ($0.schemaName, $0.ownSchema) }

    /// All that have a name.
    static let types: [any WireWritable.Type] = single + lists + others

    private static let single: [any WireWritable.Type] = [
        JobStatus.self, TaskStatus.self, JoinReply.self, MemberStatus.self, TokenStatus.self, SignInLink.self,
        JoinOffer.self, MachineStatus.self, CommandReceipt.self, WholeCommand.self, CommandStatus.self,
        ChildStatus.self, NumbersVerdict.self, NumbersProgress.self, LeaseOffer.self, VerdictForm.self,
        ImageStatus.self, ImageChange.self, ImageChanges.self, ImageSize.self, Success.self, Message.self,
        StatusWord.self, HeartbeatAnswer.self, RankAnswer.self, ScaleReply.self, ChildName.self, EdgeState.self,
        PurgeReply.self, FileStatus.self, MissingFiles.self, KeptFiles.self, StoredFiles.self, LeaseAnswer.self,
        LimitStatus.self,
    ]

    private static let lists: [any WireWritable.Type] = [
        ListAnswer<JobStatus>.self, ListAnswer<TaskStatus>.self, ListAnswer<MemberStatus>.self,
        ListAnswer<TokenStatus>.self,
        ListAnswer<MachineStatus>.self, ListAnswer<CommandStatus>.self, ListAnswer<ChildStatus>.self,
        ListAnswer<ChildName>.self, ListAnswer<VerdictForm>.self, ListAnswer<ListedEdge>.self,
        ListAnswer<LimitStatus>.self,
    ]

    private static let others: [any WireWritable.Type] = [
        OutputPiece.self, Overview.self, ListedEdge.self, FleetPurgeReply.self, FleetPurgeReply.Edge.self,
        ImagePage.self, CommandResults.self,
        ClassicServerList.self,
        Problem.self,
    ]
}
