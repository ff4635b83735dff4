package import MusterHTTP
internal import Synchronization

/// Who gets a picture while it is made: one client at its own pace, or all edges that ask for the same small one.
package final class PictureAudience: Sendable {
    private struct State {
        /// Not answered yet.
        var waiting: [UInt64: HeldRequest] = [:]
        var streams: [UInt64: HTTPStream] = [:]
        var nextNumber: UInt64 = 1
        /// What was sent so far, for those who come late. Only of shared pictures.
        var gathered: [UInt8] = []
        var hasBegun = false
        var isOver = false
        var isAbandoned = false
        var onAbandoned: (@Sendable () -> Void)?
    }

    package let headers: [(name: String, value: String)]
    package let isShared: Bool
    private let state = Mutex(State())

    package init(headers: [(name: String, value: String)], isShared: Bool) {
        (self.headers, self.isShared) = (headers, isShared)
    }

    /// False when the picture is made, or will not be: nobody joins any more.
    package func join(_ held: HeldRequest) -> Bool {
        let number: UInt64? = state.withLock { state in
            if state.isOver { return nil }
            let number = state.nextNumber
            state.nextNumber += 1
            if state.hasBegun { open(held, number, &state) } else { state.waiting[number] = held }
            return number
        }
        guard let number else { return false }
        held.onDisconnect { [weak self] in self?.leave(number) }
        return true
    }

    /// Called once, when the last client went away before the picture was made.
    package func whenAbandoned(_ handler: @escaping @Sendable () -> Void) {
        let isAbandoned = state.withLock { state in
            state.onAbandoned = handler
            return state.isAbandoned
        }
        if isAbandoned { handler() }
    }

    private func leave(_ number: UInt64) {
        let handler: (@Sendable () -> Void)? = state.withLock { state in
            state.waiting[number] = nil
            state.streams[number] = nil
            guard state.waiting.isEmpty, state.streams.isEmpty, !state.isOver else { return nil }
            (state.isOver, state.isAbandoned) = (true, true)
            return state.onAbandoned
        }
        handler?()
    }

    private func open(_ held: HeldRequest, _ number: UInt64, _ state: inout State) {
        let stream = HTTPStream(bufferBytesMax: 1 << 20)
        _ = stream.write(state.gathered)
        state.streams[number] = stream
        held.respond(HTTPResponse(status: 200, headers: headers, body: .stream(stream)))
        stream.onDisconnect { [weak self] in self?.leave(number) }
    }

    // MARK: The maker

    /// Answers whoever waits with a whole answer: the file, or why there is none.
    package func respond(_ response: HTTPResponse) {
        let waiting = state.withLock { state in
            state.isOver = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for held in waiting { held.respond(response) }
    }

    /// The answer's head goes out, and bytes follow.
    package func begin() {
        state.withLock { state in
            state.hasBegun = true
            for (number, held) in state.waiting { open(held, number, &state) }
            state.waiting = [:]
        }
    }

    /// Throws `HTTPStream.Closed` when nobody is left. One client is waited for, several are not: a shared picture is small.
    package func send(_ bytes: [UInt8]) async throws {
        let streams = state.withLock { state in
            if isShared { state.gathered += bytes }
            return state.streams.values.map { $0 }
        }
        if streams.isEmpty { throw HTTPStream.Closed() }
        if !isShared { return try await streams[0].send(bytes) }
        for stream in streams { _ = stream.write(bytes) }
    }

    /// The picture is whole, or breaks off here. Returns what was sent of a shared one.
    @discardableResult
    package func end(whole: Bool) -> [UInt8] {
        let (streams, gathered) = state.withLock { state in
            state.isOver = true
            return (state.streams.values.map { $0 }, state.gathered)
        }
        for stream in streams { if whole { stream.finish() } else { stream.abort() } }
        return gathered
    }
}

/// Small pictures that edges ask for: under way, and made of late, so that a popular one is made once for all edges. Whoever is no
/// edge asks the workers each time.
package final class SharedPictures: Sendable {
    /// Of what is remembered, bytes; the oldest goes first.
    static let bytesMax = 64 << 20
    /// Of one picture before compression, bytes.
    package static let pictureBytesMax = 4 << 20

    private struct State {
        var underWay: [String: PictureAudience] = [:]
        var made: [String: WholeFile] = [:]
        var order: [String] = []
        var bytes = 0
    }
    private let state = Mutex(State())

    package init() {}

    package enum Seat {
        case made(WholeFile)
        case joined
        /// The caller sees to it that the picture is made, and says `over`.
        case first(PictureAudience)
    }

    package func join(_ tag: String, headers: [(name: String, value: String)], _ held: HeldRequest) -> Seat {
        state.withLock { state in
            if let file = state.made[tag] { return .made(file) }
            if let audience = state.underWay[tag], audience.join(held) { return .joined }
            let audience = PictureAudience(headers: headers, isShared: true)
            _ = audience.join(held)
            state.underWay[tag] = audience
            return .first(audience)
        }
    }

    /// `file` is nil where there is none.
    package func over(_ tag: String, _ audience: PictureAudience, _ file: WholeFile?) {
        state.withLock { state in
            if state.underWay[tag] === audience { state.underWay[tag] = nil }
            guard let file, state.made[tag] == nil, file.bytes.count <= Self.bytesMax else { return }
            state.made[tag] = file
            state.order.append(tag)
            state.bytes += file.bytes.count
            while state.bytes > Self.bytesMax, !state.order.isEmpty {
                state.bytes -= state.made.removeValue(forKey: state.order.removeFirst())?.bytes.count ?? 0
            }
        }
    }
}
