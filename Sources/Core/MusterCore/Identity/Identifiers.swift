/// Identifiers are wrapper types, so that a job's number can never be passed where a member's is meant.
/// All are positive, given out in growing order by the coordinator's store, and never used twice.

/// Names one job.
package struct JobID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
    package static func < (a: JobID, b: JobID) -> Bool { a.rawValue < b.rawValue }
}

/// Names one member of the fleet. It stays the member's own through restarts, of either side.
package struct MemberID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
    package static func < (a: MemberID, b: MemberID) -> Bool { a.rawValue < b.rawValue }
}

/// Names one child.
package struct ChildID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
    package static func < (a: ChildID, b: ChildID) -> Bool { a.rawValue < b.rawValue }
}

/// Names one command.
package struct CommandID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ rawValue: Int64) { self.rawValue = rawValue }
    package static func < (a: CommandID, b: CommandID) -> Bool { a.rawValue < b.rawValue }
}

extension JobID: CustomStringConvertible {
    package var description: String { String(rawValue) }
}

extension MemberID: CustomStringConvertible {
    package var description: String { String(rawValue) }
}

extension ChildID: CustomStringConvertible {
    package var description: String { String(rawValue) }
}

extension CommandID: CustomStringConvertible {
    package var description: String { String(rawValue) }
}
