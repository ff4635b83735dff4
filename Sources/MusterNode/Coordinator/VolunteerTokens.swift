internal import MusterCore
internal import MusterCrypto
internal import Synchronization

/// The volunteers' tokens that are good, in memory: `v7.` and 32 hexadecimal digits for number 7. Only a code of each is
/// kept, under the coordinator's key.
final class VolunteerTokens: Sendable {
    private let key: MessageKey
    private let records: Mutex<[Int64: JoinTokenRecord]>

    init(key: MessageKey, _ records: [JoinTokenRecord] = []) {
        self.key = key
        self.records = Mutex(Dictionary(uniqueKeysWithValues: records.map { ($0.id, $0) }))
    }

    /// The next token; it is good once it was put in, which is after it is durable.
    func make(label: String, nowMs: WallClockMs) -> (record: JoinTokenRecord, token: String)? {
        records.withLock { records in
            guard records.count < Limits.joinTokensMax else { return nil }
            let id = max(lastID, records.keys.max() ?? 0) + 1
            lastIDBox.withLock { $0 = id }
            let token = "v\(id).\(hex(randomBytes(16)))"
            return (JoinTokenRecord(id: id, code: code(of: token), label: label, createdMs: nowMs), token)
        }
    }

    func put(_ record: JoinTokenRecord) { records.withLock { $0[record.id] = record } }

    subscript(id: Int64) -> JoinTokenRecord? { records.withLock { $0[id] } }

    /// By number, revoked ones too.
    var all: [JoinTokenRecord] { records.withLock { $0.values.sorted { $0.id < $1.id } } }

    /// The number of a token that is good; nil for anything else.
    func number(of token: String) -> Int64? {
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
