/// How many different machines must agree on a task's result: `needed` of at first at most `voters`.
package struct Quorum: Hashable, Sendable {
    /// k of k/n. More than half of `voters`.
    package let needed: Int
    /// n of k/n. 1…`votersMax`.
    package let voters: Int
    package static let votersMax = 15

    /// What a volunteer's result has to pass that is to be confirmed: two that agree.
    package static let confirmation = Quorum(needed: 2, voters: 3)!

    /// Nil unless 1 ≤ needed ≤ voters ≤ 15 and needed > voters / 2.
    package init?(needed: Int, voters: Int) {
        guard (1...Self.votersMax).contains(voters), (1...voters).contains(needed), 2 * needed > voters
        else { return nil }
        self.needed = needed
        self.voters = voters
    }

    /// Reads `k/n`.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 2, let needed = Self.number(parts[0]), let voters = Self.number(parts[1])
        else { return nil }
        self.init(needed: needed, voters: voters)
    }

    /// Where `voters` machines do not agree, more are asked, up to so many; then the task has failed.
    package var votesMax: Int { 2 * voters }

    /// Digits only: `Int` would take a sign, too.
    private static func number(_ text: Substring.UTF8View) -> Int? {
        guard (1...2).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(Substring(text))
    }
}

extension Quorum: CustomStringConvertible {
    package var description: String { "\(needed)/\(voters)" }
}
