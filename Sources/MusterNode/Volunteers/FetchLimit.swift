internal import MusterCore

/// How often the installer may be fetched: so often a minute by one address, so often by all. Counted in whole minutes, so
/// that what is kept is bounded by what one minute lets in.
struct FetchLimit: Sendable {
    static let perAddressMax = 60
    static let inAllMax = 600

    private var minute: Int64 = 0
    private var total = 0
    private var counts: [String: Int] = [:]

    /// Nil: it may. Else the seconds until it may again, 1…60.
    mutating func take(_ address: String, nowMs: WallClockMs) -> Int? {
        let now = nowMs / 60_000
        if now != minute { (minute, total, counts) = (now, 0, [:]) }
        let own = counts[address] ?? 0
        guard total < Self.inAllMax, own < Self.perAddressMax else { return 60 - Int(nowMs / 1_000 % 60) }
        total += 1
        counts[address] = own + 1
        return nil
    }
}
