package import MusterAPI
internal import MusterCore
package import MusterFleetCore
package import MusterMembership
internal import MusterScheduling

extension MemberStatus {
    /// A ranked member as others see it.
    package init(_ member: Membership.Member, in core: borrowing FleetCore) {
        let id = member.record.id
        self.init(
            record: member.record, rank: core.membership.rank(of: id), standing: member.standing,
            isDistrusted: core.scheduler.isBarred(id), isDraining: core.scheduler.isDraining(id))
    }
}
