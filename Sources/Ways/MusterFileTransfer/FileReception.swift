internal import MusterAPI
internal import MusterHTTPClient
internal import MusterSystem

/// One answer to the question for a file, as it comes: its bytes, or why there are none.
final class FileReception: BodyReceiver {
    /// libcurl hands over 16 KiB at a time; a disk takes more for the price of one.
    static let pieceBytes = 256 << 10
    /// What is read of a refusal.
    static let refusalBytesMax = 64 << 10

    private struct State {
        var piece: [UInt8] = []
        /// What `begin` or `take` threw, or what is wrong with the answer.
        var failure: (any Error)?
        /// The status of an answer that is no file; its text is in `piece`.
        var refusal: Int?
    }

    private let url: String
    private let start: UInt64
    private let begin: @Sendable (UInt64) throws -> Void
    private let take: @Sendable (inout [UInt8]) throws -> Void
    private let state = Monitor(State())

    /// `url`: of whoever answers. `start`: where the answer may begin, other than at the beginning of the file.
    init(
        of url: String, from start: UInt64, begin: @escaping @Sendable (UInt64) throws -> Void,
        take: @escaping @Sendable (inout [UInt8]) throws -> Void
    ) {
        (self.url, self.start, self.begin, self.take) = (url, start, begin, take)
    }

    /// An answer that is no file.
    var refusal: (status: Int, body: [UInt8])? {
        state.change(waking: .none) { state in state.refusal.map { ($0, state.piece) } }
    }

    /// The last bytes, and what went wrong with any.
    func finish() throws {
        state.change(waking: .none) { state in
            if state.refusal == nil, state.failure == nil, !state.piece.isEmpty { pass(&state) }
        }
        if let failure = state.change(waking: .none, { $0.failure }) { throw failure }
    }

    func begin(status: Int, headers: [(name: String, value: String)]) -> Bool {
        let range = headers.first { $0.name.lowercased() == "content-range" }?.value
        return state.change(waking: .none) { state in
            switch status {
            case 200: attempt(&state) { _ in try begin(0) }
            case 206 where range?.hasPrefix("bytes \(start)-") == true: attempt(&state) { _ in try begin(start) }
            case 206:
                state.failure = FileTrouble(
                    .strange, "the origin \(url) sends \(range ?? "a part") where bytes from \(start) on were asked for"
                )
            default: state.refusal = status
            }
            return state.failure == nil
        }
    }

    func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
        state.change(waking: .none) { state in
            guard state.refusal == nil else {
                state.piece += bytes.prefix(Self.refusalBytesMax - state.piece.count)
                return state.piece.count < Self.refusalBytesMax
            }
            var rest = bytes[...]
            while state.failure == nil, !rest.isEmpty {
                if state.piece.isEmpty { state.piece.reserveCapacity(Self.pieceBytes) }
                let fitting = rest.prefix(Self.pieceBytes - state.piece.count)
                state.piece.append(contentsOf: UnsafeRawBufferPointer(rebasing: fitting))
                rest = rest.dropFirst(fitting.count)
                if state.piece.count == Self.pieceBytes { pass(&state) }
            }
            return state.failure == nil
        }
    }

    private func pass(_ state: inout State) {
        attempt(&state) { state in
            try take(&state.piece)
            state.piece.removeAll(keepingCapacity: true)
        }
    }

    private func attempt(_ state: inout State, _ body: (inout State) throws -> Void) {
        do { try body(&state) } catch { state.failure = error }
    }
}
