package import MusterLaunch

/// Why a container engine did not do what it was asked.
package struct EngineError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable, CaseIterable {
        /// There is no socket, or nobody answers behind it.
        case away
        /// This user may not open the socket.
        case forbidden
        /// No answer in time.
        case timeout
        /// What came is no answer of an engine: no JSON, half of it, too much, or a version that is not spoken here.
        case badAnswer
        /// There is no such container.
        case notFound
        case imageMissing
        /// The name is taken, or the container is not in a state for this.
        case conflict
        /// The engine refused, or failed at it.
        case refused
        /// The caller gave up.
        case cancelled
    }

    package let code: Code
    /// What was asked, what is wrong and what to do.
    package let message: String
    /// Whether the same may succeed later, with nobody changing the request.
    let isRetryable: Bool

    init(_ code: Code, _ message: String, isRetryable: Bool? = nil) {
        self.code = code
        self.message = message
        self.isRetryable = isRetryable ?? [.away, .forbidden, .timeout, .badAnswer].contains(code)
    }

    package var description: String { message }

    /// Docker's words where it has no runtime that hands GPUs on.
    static let noDriver = "could not select device driver"

    /// Whether it is this machine's trouble, so that another machine may do what was asked: no engine, no image, no room, no runtime for GPUs.
    var isMachines: Bool {
        switch code {
        case .away, .forbidden, .timeout, .badAnswer, .imageMissing: true
        case .refused:
            isRetryable
                || ["no space left", "cannot allocate memory", "not enough memory", "disk quota", Self.noDriver]
                    .contains { message.lowercased().contains($0) }
        case .notFound, .conflict, .cancelled: false
        }
    }

    package var launchError: LaunchError { LaunchError(isRetryable ? .unreachable : .other, message) }
}
