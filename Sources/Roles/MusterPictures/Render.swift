package import MusterCore
package import MusterKernels
package import MusterScheduling
package import MusterWire
internal import Synchronization

/// One picture on its way from the workers to its client: keeps the strips that came too early, and no more of them than
/// its window has room for.
package final class Render: Sendable {
    private struct State {
        /// Strips that came and were not taken yet, by their place.
        var strips: [Int: StripImage] = [:]
        /// The next one to be taken.
        var next = 0
        var failure: Problem?
        /// How many strips each worker made, of a tile.
        var makers = StripMakers()
        /// The answer waits for all strips, as its head says who made them.
        var isWhole = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// What is sent at once: few wake-ups, and no second copy of a large picture.
    private static let pieceBytesMax = 256 << 10
    package let job: JobID
    package let picture: Picture
    package let began: Moment
    /// So many strips may be on their way or waiting at one time.
    package let window: Int
    /// It is answered in one piece, unless that takes long, and tells who made it.
    package let isTile: Bool
    private let budget: RenderBudget
    private let state = Mutex(State())

    package init(
        job: JobID, picture: Picture, began: Moment, window: Int, isTile: Bool = false, budget: RenderBudget
    ) {
        (self.job, self.picture, self.began) = (job, picture, began)
        (self.window, self.isTile, self.budget) = (window, isTile, budget)
        state.withLock { $0.isWhole = isTile }
    }

    deinit { state.withLock { for strip in $0.strips.values { budget.release(strip.bytes.count) } } }

    /// True once the first strip is there, and so an answer can begin.
    package var hasBegun: Bool { state.withLock { !$0.isWhole && ($0.next > 0 || $0.strips[0] != nil) } }
    package var failure: Problem? { state.withLock { $0.failure } }

    /// Takes what workers made; only queues. What is not a strip fails the picture.
    package func take(_ results: [TransientResult]) {
        wake { state in
            for result in results {
                switch result.outcome {
                case .failure(let reason):
                    state.failure = state.failure ?? Problem(500, "Strip \(result.task) could not be made: \(reason)")
                case .bytes(let bytes):
                    do throws(Problem) {
                        let strip = try StripImage(value: Array(bytes))
                        try picture.check(strip, at: result.task)
                        budget.take(strip.bytes.count)
                        state.strips[result.task] = strip
                        if isTile { state.makers.add(result.worker) }
                    } catch {
                        state.failure = state.failure ?? Problem(500, "Strip \(result.task): \(error.detail)")
                    }
                }
            }
        }
    }

    /// The picture cannot be finished any more.
    package func fail(_ problem: Problem) { wake { $0.failure = $0.failure ?? problem } }

    private func wake(_ change: (inout State) -> Void) {
        let waiter = state.withLock { state in
            change(&state)
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }

    /// The next strips in order that are there, at least one; not many more bytes than `pieceBytesMax`. Throws why there
    /// will be none.
    package func nextStrips() async throws(Problem) -> [StripImage] {
        while true {
            var strips: [StripImage] = []
            var bytes = 0
            while bytes < Self.pieceBytesMax, let strip = try takeNext() {
                strips.append(strip)
                bytes += strip.bytes.count
            }
            if !strips.isEmpty { return strips }
            await withCheckedContinuation { continuation in
                let isNews = state.withLock { state in
                    if state.failure != nil || state.strips[state.next] != nil { return true }
                    state.waiter = continuation
                    return false
                }
                if isNews { continuation.resume() }
            }
        }
    }

    private func takeNext() throws(Problem) -> StripImage? {
        let (strip, failure) = state.withLock { state -> (StripImage?, Problem?) in
            if let failure = state.failure { return (nil, failure) }
            guard let strip = state.strips.removeValue(forKey: state.next) else { return (nil, nil) }
            state.next += 1
            return (strip, nil)
        }
        if let failure { throw failure }
        if let strip { budget.release(strip.bytes.count) }
        return strip
    }

    /// Who made what is there, as a header's value. Nil: not told.
    package var makers: String? { isTile ? state.withLock { $0.makers.field } : nil }

    /// The answer waits no longer for all strips. True when it can begin now.
    package func hurry() -> Bool {
        state.withLock { state in
            guard state.isWhole else { return false }
            state.isWhole = false
            return state.strips[0] != nil
        }
    }

    /// The whole file, once all strips are there, of one that has but one strip or is answered in one piece.
    package func wholeFile() -> WholeFile? {
        let isThere = state.withLock { state in
            (state.isWhole || picture.stripCount == 1) && state.strips.count == picture.stripCount
        }
        guard isThere else { return nil }
        var assembly = PNGAssembly(picture)
        var file = assembly.header
        while let strip = try? takeNext() {
            guard let chunk = try? assembly.append(strip) else { return nil }
            file += chunk
        }
        return WholeFile(bytes: file + assembly.trailer, makers: makers)
    }

    /// How far workers may go now: as the window allows, and one strip at a time while all renders together hold too much. All of a
    /// tile, which is small: its strips wait for the last.
    package func horizon(after taken: Int) -> Int {
        if isTile { return picture.stripCount }
        return taken + (budget.isExceeded ? 1 : window)
    }
}

/// What the strips of all renders that wait for their turn may hold together.
package final class RenderBudget: Sendable {
    static let bytesMax = 256 << 20
    private let held = Atomic(0)

    package init() {}

    func take(_ count: Int) { held.add(count, ordering: .relaxed) }
    func release(_ count: Int) { held.subtract(count, ordering: .relaxed) }
    var bytes: Int { held.load(ordering: .relaxed) }
    var isExceeded: Bool { bytes > Self.bytesMax }
}
