internal import MusterAPI
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Which bounds requests of a server met. As many entries as there are names, each with one text that is cut: whoever meets bounds on
/// purpose uses up nothing.
final class LimitsMet: Sendable {
    private static let detailBytesMax = 300

    private struct Entry {
        var count = 0
        var lastMs: Int64 = 0
        var detail = ""
    }
    private let entries = Mutex<[LimitName: Entry]>([:])

    func note(_ limit: LimitName, _ detail: String) {
        let nowMs = SystemTime.wallClockMs()
        entries.withLock { entries in
            entries[limit, default: Entry()].count += 1
            entries[limit]?.lastMs = nowMs
            entries[limit]?.detail = String(decoding: detail.utf8.prefix(Self.detailBytesMax), as: UTF8.self)
        }
    }

    var counts: [LimitName: Int] { entries.withLock { $0.mapValues(\.count) } }

    /// The latest first.
    var statuses: [LimitStatus] {
        let nowMs = SystemTime.wallClockMs()
        return entries.withLock { $0 }.sorted {
            ($1.value.lastMs, $0.key.rawValue) < ($0.value.lastMs, $1.key.rawValue)
        }
        .map { limit, entry in
            LimitStatus(
                limit, count: entry.count, last: Double(entry.lastMs) / 1_000,
                secondsAgo: Double(max(0, nowMs - entry.lastMs)) / 1_000, detail: entry.detail)
        }
    }
}
