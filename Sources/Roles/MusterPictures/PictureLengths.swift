internal import Synchronization

/// How many bytes the pictures have that were made of late: what HEAD and a 304 tell of one, as it always has the same bytes.
package final class PictureLengths: Sendable {
    /// Pictures that are remembered; the oldest goes first.
    static let picturesMax = 10_000

    private struct State {
        var lengths: [String: Int] = [:]
        var order: [String] = []
        /// Where in `order` the oldest is, once it is full.
        var oldest = 0
    }
    private let state = Mutex(State())

    package init() {}

    package func learn(_ tag: String, _ bytes: Int) {
        state.withLock { state in
            guard state.lengths.updateValue(bytes, forKey: tag) == nil else { return }
            guard state.order.count == Self.picturesMax else { return state.order.append(tag) }
            state.lengths[state.order[state.oldest]] = nil
            state.order[state.oldest] = tag
            state.oldest = (state.oldest + 1) % Self.picturesMax
        }
    }

    /// Nil: not made here, or too long ago.
    package func length(of tag: String) -> Int? { state.withLock { $0.lengths[tag] } }
}
