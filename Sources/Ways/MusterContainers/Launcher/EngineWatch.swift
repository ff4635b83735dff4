internal import MusterAPI
internal import MusterCore
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterLog
internal import Synchronization

/// Who is told of containers' ends, and looks at what there is whenever some may have been missed.
protocol EngineListener: AnyObject, Sendable {
    /// What there is, compared with what is known. Throws `EngineError`.
    func takeUp() async throws(EngineError)
    /// `exitCode` is nil where nobody knows it. Told perhaps more than once.
    func died(_ name: String, _ id: String, _ exitCode: Int?)
}

/// An engine's stream of events, listened to again whenever it breaks off, and what its silence says of the engine.
final class EngineWatch: Sendable {
    /// A list is looked at this often too, for a stream that died without a word.
    private static let lookAgain: Duration = .seconds(15)
    /// What engines call the end of a container where they are asked for it. Podman tells it as `die`, as Docker does, and
    /// filters it as `died`; either passes over the other's word.
    private static let endEvents = ["die", "died"]
    /// Of one event.
    private static let eventBytesMax = 256 << 10

    private struct State {
        var task: Task<Void, Never>?
        var away: EngineError?
    }

    private let engine: EngineClient
    private let state = Mutex(State())

    init(of engine: EngineClient) { self.engine = engine }

    deinit { state.withLock { $0.task?.cancel() } }

    /// Why the engine was not heard when it was last listened to. Nil: it was.
    var away: EngineError? { state.withLock { $0.away } }

    func isAway(_ error: EngineError?) {
        // What was given up says nothing of the engine.
        guard let error, error.code != .cancelled else { return }
        state.withLock { $0.away = error }
    }

    /// The listener is held only for moments, so that it can go.
    private struct Reference: Sendable { weak let listener: (any EngineListener)? }

    /// Begins to listen, once, for containers that have these labels.
    func begin(_ labels: [String], for listener: any EngineListener) {
        state.withLock { state in
            guard state.task == nil else { return }
            let reference = Reference(listener: listener)
            state.task = Task { [weak self, engine] in
                var backoff = Backoff(base: .milliseconds(100), cap: .seconds(2))
                var random = SystemRandomNumberGenerator()
                while !Task.isCancelled {
                    do {
                        try await Self.listen(engine, labels, reference) {
                            backoff.reset()
                            self?.state.withLock { $0.away = nil }
                        }
                    } catch {
                        self?.isAway(error as? EngineError)
                        Log.warning("the container engine is away", ["reason": "\(error)"])
                    }
                    guard reference.listener != nil else { return }
                    try? await Task.sleep(for: backoff.next(using: &random))
                }
            }
        }
    }

    /// Returns when the stream ends.
    private static func listen(
        _ engine: EngineClient, _ labels: [String], _ reference: Reference, isHeard: () -> Void
    ) async throws {
        let filters = EngineClient.filters([("type", ["container"]), ("event", endEvents), ("label", labels)])
        let stream = try await engine.stream("/events", [("filters", filters)])
        isHeard()
        try await reference.listener?.takeUp()
        let looks = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: lookAgain)
                // A list that does not come means a stream that is not to be trusted.
                do { try await reference.listener?.takeUp() } catch { return stream.cancel() }
                if reference.listener == nil { return stream.cancel() }
            }
        }
        defer { looks.cancel() }
        var line: [UInt8] = []
        while let bytes = try await stream.next() {
            for byte in bytes {
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    continue
                }
                if let end = end(in: line) { reference.listener?.died(end.name, end.id, end.exitCode) }
                line.removeAll(keepingCapacity: true)
            }
            guard line.count <= eventBytesMax else { throw EngineError(.badAnswer, "an event without an end") }
        }
    }

    private static func end(in event: [UInt8]) -> (name: String, id: String, exitCode: Int?)? {
        guard let json = try? JSONValue(parsing: event), let actor = json["Actor"], let id = actor["ID"]?.string,
            let attributes = actor["Attributes"]?.strings, let name = attributes[ContainerTemplate.nameLabel]
        else { return nil }
        return (name, id, attributes["exitCode"].flatMap { Int($0) })
    }
}
