internal import MusterCore

/// How often the installer may be fetched: so often within ten seconds by one address, behind which a whole school may
/// be, so often by all. What is kept is bounded by what ten seconds let in.
struct FetchLimit: Sendable {
    static let perAddressMax = 1_000
    static let inAllMax = 2_000
    private static let windowSeconds: Int64 = 10

    private var window: Int64 = 0
    private var total = 0
    private var counts: [String: Int] = [:]

    /// Nil: it may. Else the seconds until it may again, 1…10.
    mutating func take(_ address: String, nowMs: WallClockMs) -> Int? {
        let (seconds, now) = (nowMs / 1_000, nowMs / 1_000 / Self.windowSeconds)
        if now != window { (window, total, counts) = (now, 0, [:]) }
        let own = counts[address] ?? 0
        guard total < Self.inAllMax, own < Self.perAddressMax else {
            return Int(Self.windowSeconds - seconds % Self.windowSeconds)
        }
        total += 1
        counts[address] = own + 1
        return nil
    }
}
