package import MusterCore

/// Some of the members in their order, as they were when it was asked for. Each is put together when it is looked at: who wants
/// the first few pays for no others.
package struct MemberList: RandomAccessCollection, Sendable {
    /// In the same order.
    package let ids: [MemberID]
    let members: Roster

    package var startIndex: Int { 0 }
    package var endIndex: Int { ids.count }
    package subscript(place: Int) -> Membership.Member { members[ids[place]]! }
}
