internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterJSON
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import MusterScheduling

extension EventHub {
    /// In the log, and to whoever follows the fleet's events.
    func publishMember(_ name: String, _ record: MemberRecord?, _ core: borrowing FleetCore) {
        guard let record else { return }
        Log.info(
            name,
            [
                "member": record.name, "id": "\(record.id)", "role": record.role.rawValue, "address": record.address,
                "members": "\(core.membership.count)",
            ])
        var data = JSONWriter()
        data.beginObject()
        data.field("id", record.id.rawValue)
        data.field("name", record.name)
        data.key("rank")
        if let rank = core.membership.rank(of: record.id) { data.value(rank) } else { data.null() }
        data.endObject()
        publish(name, data)
    }
}
