package import MusterCore
internal import MusterCrypto
internal import MusterSystem
internal import Synchronization

/// The volunteers' tokens that are good, in memory: `v7.` and 32 hexadecimal digits for number 7. Only a code of each is
/// kept, under the coordinator's key.
///
/// An invitation is one that the installer brings: `i`, when and for which circle it was made, and a code that only this
/// coordinator can make. It takes up no room in the store before somebody joins by it, within an hour; then it is kept like
/// the others. Until then the latest are listed from memory; those of an earlier process are good, and not listed.
package final class VolunteerTokens: Sendable {
    /// How long an invitation may wait for the first to join by it.
    static let invitationMs: WallClockMs = 3_600_000

    /// So many invitations that nobody joined by are listed, and can be revoked.
    static let listedMax = 10_000

    /// Invitations that were made, or shown, and not yet used for a joining.
    private struct Invited {
        var records: [Int64: JoinTokenRecord] = [:]
        /// Of used ones too.
        var numbers: [String: Int64] = [:]

        /// In the order of their numbers, which is that of the times at which they were listed.
        private var line: [Int64] = []
        private var first = 0

        mutating func add(_ record: JoinTokenRecord) {
            numbers[record.code] = record.id
            records[record.id] = record
            line.append(record.id)
        }

        mutating func forget(before timeMs: WallClockMs) {
            while first < line.count, records[line[first]].map({ $0.createdMs < timeMs }) ?? true { forgetOldest() }
        }

        mutating func forgetOldest() {
            guard first < line.count else { return }
            if let record = records.removeValue(forKey: line[first]) { numbers[record.code] = nil }
            first += 1
            guard first > 1_000, 2 * first > line.count else { return }
            line.removeFirst(first)
            first = 0
        }
    }

    private let key: MessageKey
    private let records: Mutex<[Int64: JoinTokenRecord]>
    private let invited: Mutex<Invited>
    /// Counts on, also for tokens that are on their way to the store, or never get there.
    private let lastID: Atomic<Int64>

    init(key: MessageKey, _ records: [JoinTokenRecord] = []) {
        self.key = key
        self.records = Mutex(Dictionary(uniqueKeysWithValues: records.map { ($0.id, $0) }))
        var used = Invited()
        used.numbers = Dictionary(records.map { ($0.code, $0.id) }, uniquingKeysWith: { first, _ in first })
        invited = Mutex(used)
        lastID = Atomic(records.map(\.id).max() ?? 0)
    }

    /// The next token; it is good once it was put in, which is after it is durable.
    package func make(label: String, nowMs: WallClockMs) -> (record: JoinTokenRecord, token: String)? {
        records.withLock { records in
            guard records.count < Limits.joinTokensMax else { return nil }
            let id = newNumber()
            let token = "v\(id).\(hex(randomBytes(16)))"
            return (JoinTokenRecord(id: id, code: code(of: token), label: label, createdMs: nowMs), token)
        }
    }

    private func newNumber() -> Int64 { lastID.add(1, ordering: .relaxed).newValue }

    package func put(_ record: JoinTokenRecord) {
        records.withLock { $0[record.id] = record }
        invited.withLock { $0.records[record.id] = nil }
    }

    /// A token that is good for whoever joins by it first within an hour, and then as long as any other.
    package func invite(nowMs: WallClockMs, circle: String) -> String {
        let start = "i\(nowMs).\(hex(randomBytes(16))).\(circle)"
        let token = "\(start).\(key.tag(of: "invitation \(start)"))"
        list(token, madeMs: nowMs, circle: circle, nowMs)
        return token
    }

    /// Its number; nil where there is no room for more.
    @discardableResult private func list(
        _ token: String, madeMs: WallClockMs, circle: String, _ nowMs: WallClockMs
    ) -> Int64? {
        let code = code(of: token)
        guard records.withLock({ $0.count }) + Self.listedMax < Limits.joinTokensMax else { return nil }
        return invited.withLock { invited in
            invited.forget(before: nowMs - Self.invitationMs)
            // Another request may have brought it meanwhile: it has one number.
            if let known = invited.numbers[code] { return known }
            // It is listed again when it is shown.
            if invited.records.count >= Self.listedMax { invited.forgetOldest() }
            let id = newNumber()
            invited.add(
                JoinTokenRecord(id: id, code: code, label: "install.sh", createdMs: madeMs, circle: circle))
            return id
        }
    }

    /// What is to be stored with the first joining by an invitation; nil where that is done.
    package func unstored(_ id: Int64) -> JoinTokenRecord? { invited.withLock { $0.records[id] } }

    private func number(ofInvitation token: String, nowMs: WallClockMs) -> Int64? {
        // When, what makes it the only one, circle, code.
        let parts = token.dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, let madeMs = WallClockMs(parts[0]),
            equalInConstantTime(key.tag(of: "invitation i\(parts[0]).\(parts[1]).\(parts[2])"), String(parts[3]))
        else { return nil }
        let known = invited.withLock { $0.numbers[code(of: token)] }
        if let known, let kept = records.withLock({ $0[known] }) { return kept.revokedMs == nil ? known : nil }
        guard nowMs - madeMs < Self.invitationMs else { return nil }
        return known ?? list(token, madeMs: madeMs, circle: String(parts[2]), nowMs)
    }

    package subscript(id: Int64) -> JoinTokenRecord? { records.withLock { $0[id] } ?? unstored(id) }

    /// By number, revoked ones too, and invitations of the last hour.
    package func all(nowMs: WallClockMs) -> [JoinTokenRecord] {
        let waiting = invited.withLock { invited in
            invited.forget(before: nowMs - Self.invitationMs)
            return Array(invited.records.values)
        }
        return (records.withLock { Array($0.values) } + waiting).sorted { $0.id < $1.id }
    }

    /// The number of a token that is good; nil for anything else.
    func number(of token: String) -> Int64? {
        if token.first == "i" { return number(ofInvitation: token, nowMs: SystemTime.wallClockMs()) }
        guard token.first == "v", let dot = token.firstIndex(of: "."),
            let id = Int64(token[token.index(after: token.startIndex)..<dot]), let record = self[id]
        else { return nil }
        return equalInConstantTime(code(of: token), record.code) && record.revokedMs == nil ? id : nil
    }

    private func code(of token: String) -> String { key.tag(of: "volunteer \(token)") }
}
