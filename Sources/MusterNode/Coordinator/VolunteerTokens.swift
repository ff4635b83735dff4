internal import MusterCore
internal import MusterCrypto
internal import MusterSystem
internal import Synchronization

/// The volunteers' tokens that are good, in memory: `v7.` and 32 hexadecimal digits for number 7. Only a code of each is
/// kept, under the coordinator's key.
///
/// An invitation is one that the installer brings: `i`, when it was made, and a code that only this coordinator can make. It
/// takes up no room before somebody joins by it, within an hour; then it gets a number and is kept like the others.
final class VolunteerTokens: Sendable {
    /// How long an invitation may wait for the first to join by it.
    static let invitationMs: WallClockMs = 3_600_000

    /// Invitations that were shown and not yet used for a joining.
    private struct Invited {
        var records: [Int64: JoinTokenRecord] = [:]
        /// Of used ones too.
        var numbers: [String: Int64] = [:]
    }

    private let key: MessageKey
    private let records: Mutex<[Int64: JoinTokenRecord]>
    private let invited: Mutex<Invited>

    init(key: MessageKey, _ records: [JoinTokenRecord] = []) {
        self.key = key
        self.records = Mutex(Dictionary(uniqueKeysWithValues: records.map { ($0.id, $0) }))
        invited = Mutex(
            Invited(numbers: Dictionary(records.map { ($0.code, $0.id) }, uniquingKeysWith: { first, _ in first })))
    }

    /// The next token; it is good once it was put in, which is after it is durable.
    func make(label: String, nowMs: WallClockMs) -> (record: JoinTokenRecord, token: String)? {
        records.withLock { records in
            guard records.count < Limits.joinTokensMax else { return nil }
            let id = newNumber(records)
            let token = "v\(id).\(hex(randomBytes(16)))"
            return (JoinTokenRecord(id: id, code: code(of: token), label: label, createdMs: nowMs), token)
        }
    }

    private func newNumber(_ records: [Int64: JoinTokenRecord]) -> Int64 {
        lastIDBox.withLock {
            $0 = max($0, records.keys.max() ?? 0) + 1
            return $0
        }
    }

    func put(_ record: JoinTokenRecord) {
        records.withLock { $0[record.id] = record }
        invited.withLock { $0.records[record.id] = nil }
    }

    /// A token that is good for whoever joins by it first within an hour, and then as long as any other.
    func invite(nowMs: WallClockMs) -> String {
        let start = "i\(nowMs).\(hex(randomBytes(16)))"
        return "\(start).\(key.tag(of: "invitation \(start)"))"
    }

    /// What is to be stored with the first joining by an invitation; nil where that is done.
    func unstored(_ id: Int64) -> JoinTokenRecord? { invited.withLock { $0.records[id] } }

    private func number(ofInvitation token: String, nowMs: WallClockMs) -> Int64? {
        guard let dot = token.lastIndex(of: "."), let firstDot = token.firstIndex(of: "."), firstDot < dot,
            let madeMs = WallClockMs(token[token.index(after: token.startIndex)..<firstDot]),
            equalInConstantTime(key.tag(of: "invitation \(token[..<dot])"), String(token[token.index(after: dot)...]))
        else { return nil }
        let code = code(of: token)
        let known = records.withLock { $0 }
        // Copied, not held: no lock is taken under another but the last.
        return invited.withLock { invited in
            if let id = invited.numbers[code] {
                return (known[id] ?? invited.records[id])?.revokedMs == nil ? id : nil
            }
            guard nowMs - madeMs < Self.invitationMs else { return nil }
            // Whoever shows one may never join.
            for (id, record) in invited.records where nowMs - record.createdMs >= 2 * Self.invitationMs {
                invited.records[id] = nil
                invited.numbers[record.code] = nil
            }
            guard known.count + invited.records.count < Limits.joinTokensMax else { return nil }
            let id = newNumber(known)
            invited.numbers[code] = id
            invited.records[id] = JoinTokenRecord(id: id, code: code, label: "install.sh", createdMs: madeMs)
            return id
        }
    }

    subscript(id: Int64) -> JoinTokenRecord? { records.withLock { $0[id] } }

    /// By number, revoked ones too.
    var all: [JoinTokenRecord] { records.withLock { $0.values.sorted { $0.id < $1.id } } }

    /// The number of a token that is good; nil for anything else.
    func number(of token: String) -> Int64? {
        if token.first == "i" { return number(ofInvitation: token, nowMs: SystemTime.wallClockMs()) }
        guard token.first == "v", let dot = token.firstIndex(of: "."),
            let id = Int64(token[token.index(after: token.startIndex)..<dot]), let record = self[id]
        else { return nil }
        return equalInConstantTime(code(of: token), record.code) && record.revokedMs == nil ? id : nil
    }

    private func code(of token: String) -> String { key.tag(of: "volunteer \(token)") }

    /// Numbers of tokens that are on their way to the store are not given out again.
    private let lastIDBox = Mutex<Int64>(0)
    private var lastID: Int64 { lastIDBox.withLock { $0 } }
}
