package import MusterCore

/// A member's choice of how it holds its place: over a WebSocket, or over a stream and requests, which get through where a WebSocket does not (a
/// proxy between, a coordinator of old).
///
/// The duties of its driver: ask `mayTry` before it tries a WebSocket, hold a stream where that fails or may not be, and tell here of both.
package struct SocketChoice: Hashable, Sendable {
    package struct Settings: Hashable, Sendable {
        /// Where no WebSocket gets through, the next is tried after so long, then after twice as long and so on; a random part up to a half
        /// is taken off.
        package var retryTime: Duration = .seconds(300)
        package var retryTimeMax: Duration = .seconds(3_600)
        /// One that broke before so long did not last; so many in a row are as one that does not get through.
        package var lastingTime: Duration = .seconds(60)
        package var shortLivedMax = 3
        package init() {}
    }

    private let settings: Settings
    /// Of WebSockets, in a row.
    private var failures = 0
    /// Of WebSockets that opened, in a row.
    private var shortLived = 0
    /// The last one failed, and nothing has shown yet that the coordinator is there.
    private var isInDoubt = false
    package private(set) var nextTry = Moment.zero

    package init(_ settings: Settings = Settings()) { self.settings = settings }

    package func mayTry(_ now: Moment) -> Bool { now >= nextTry }

    package mutating func socketOpened() { (failures, isInDoubt, nextTry) = (0, false, .zero) }

    /// One that had opened broke by itself, after so long.
    package mutating func socketBroke(
        after lifetime: Duration, _ now: Moment, using random: inout some RandomNumberGenerator
    ) {
        shortLived = lifetime < settings.lastingTime ? shortLived + 1 : 0
        guard shortLived >= settings.shortLivedMax else { return }
        shortLived = 0
        postpone(now, &random)
    }

    /// `isHung`: connected, and then nothing came. That is no coordinator that is away, and another such wait might cost the membership.
    package mutating func socketFailed(isHung: Bool, _ now: Moment, using random: inout some RandomNumberGenerator) {
        isInDoubt = true
        if isHung { postpone(now, &random) }
    }

    /// The coordinator is there: what failed before it was the WebSocket's own fault.
    package mutating func streamOpened(_ now: Moment, using random: inout some RandomNumberGenerator) {
        if isInDoubt { postpone(now, &random) }
    }

    private mutating func postpone(_ now: Moment, _ random: inout some RandomNumberGenerator) {
        isInDoubt = false
        failures += 1
        let wait = Backoff.retry(after: failures, base: settings.retryTime, cap: settings.retryTimeMax, using: &random)
        nextTry = now + wait
    }
}
