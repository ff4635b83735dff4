internal import MusterSystem
internal import Synchronization

/// Loops that share the connections of a process, each a thread.
package final class WebSocketLoops: Sendable {
    package static let countMax = 64

    private let loops: [WebSocketLoop]
    private let next = Atomic(0)
    private let ends = Mutex<(running: Int, waiting: [CheckedContinuation<Void, Never>])>((0, []))

    /// 1 to `countMax` of them; what is more or less is taken as the nearest. Throws the system's error: it has no descriptors left.
    package init(
        _ count: Int, _ limits: WebSocketLimits, _ audience: any WebSocketAudience
    ) throws(WebSocketError) {
        var loops: [WebSocketLoop] = []
        for _ in 0..<max(1, min(count, Self.countMax)) { loops.append(try WebSocketLoop(limits, audience)) }
        self.loops = loops
    }

    package var count: Int { loops.count }

    /// Gives each its thread. Throws the system's error, and ends those that began: there is no other thread.
    package func start() throws(WebSocketError) {
        for (place, loop) in loops.enumerated() {
            ends.withLock { $0.running += 1 }
            let failure = startThread(named: "websockets \(place)") { [self] in
                loop.run()
                hasEnded()
            }
            guard failure == 0 else {
                hasEnded()
                for loop in loops { loop.stop() }
                throw WebSocketError(failure)
            }
        }
    }

    /// Takes over a connection whose handshake is done, in turn; see `WebSocketLoop.adopt`.
    package func adopt(
        _ descriptor: Int32, out: WebSocketOut? = nil, of owner: Int64 = 0, early: [UInt8] = [],
        release: @escaping @Sendable () -> Void
    ) -> WebSocket {
        let place = next.wrappingAdd(1, ordering: .relaxed).oldValue
        return loops[Int(UInt(bitPattern: place) % UInt(loops.count))].adopt(
            descriptor, out: out, of: owner, early: early, release: release)
    }

    /// Ends all connections, once what was written is sent as far as each takes it at once; returns when the threads have ended.
    package func stop() async {
        for loop in loops { loop.stop() }
        await withCheckedContinuation { continuation in
            let isOver = ends.withLock { ends in
                if ends.running > 0 { ends.waiting.append(continuation) }
                return ends.running == 0
            }
            if isOver { continuation.resume() }
        }
    }

    private func hasEnded() {
        let waiting = ends.withLock { ends in
            ends.running -= 1
            guard ends.running == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { ends.waiting = [] }
            return ends.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
