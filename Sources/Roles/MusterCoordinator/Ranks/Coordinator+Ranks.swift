internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import Synchronization

/// Changes of the ranks: printed, published, and told to those whose rank is another now. Called at each tick, so that a crowd that
/// joins at once is one change.
extension Coordinator {
    /// A longer list is cut here; `GET /v1/members` has it whole.
    private static let listedMax = 30

    func announceRanks(_ fleet: inout Fleet) {
        guard fleet[slice].ranksChanged else { return }
        fleet[slice].ranksChanged = false
        let ranked = fleet.core.membership.ranked
        let view = fleet.core.membership.view
        for (rank, member) in ranked.enumerated() { tell(member.record.id, rank, ranked.count, &fleet) }
        var list = ranked.prefix(Self.listedMax).enumerated().map { "\($0) \($1.record.name)" }.joined(separator: ", ")
        if ranked.count > Self.listedMax { list += ", and \(ranked.count - Self.listedMax) more" }
        Log.notice("ranks", ["view": "\(view)", "members": "\(ranked.count)", "list": list.isEmpty ? "nobody" : list])
        var json = JSONWriter()
        json.beginObject()
        json.field("view", Int(view))
        json.field("members", ranked.count)
        json.key("names")
        json.beginArray()
        for member in ranked.prefix(Self.listedMax) { json.value(member.record.name) }
        json.endArray()
        json.endObject()
        events.publish("view", json)
    }

    /// Only what it does not know yet.
    func tell(_ id: MemberID, _ rank: Int, _ members: Int, _ fleet: inout Fleet) {
        guard fleet[slice].toldRanks[id] != rank, let stream = fleet[slice].streams[id]?.stream else { return }
        fleet[slice].toldRanks[id] = rank
        if stream.isFull { return stream.abort() }
        let notice = RankNotice(rank: rank, view: fleet.core.membership.view, members: members)
        _ = stream.write(ServerSentEvent.bytes("rank", id: nil, data: notice.body.bytes))
    }
}
