internal import Glibc
internal import MusterCrypto
internal import MusterSystem

/// The SHA-256 of bytes that come in pieces: of more than one a thread takes it, beside who brings them. For one caller at a time.
final class DigestBeside {
    /// Pieces that wait for the thread; who brings more waits, too.
    private static let waitingMax = 4

    private struct State {
        var waiting: [[UInt8]] = []
        /// Arrays that were pieces.
        var free: [[UInt8]] = []
        var isWhole = false
        var sum: [UInt8]?
    }

    private let state = Monitor(State())
    private var hasThread = false
    /// One piece is not worth a thread.
    private var first: [UInt8]?

    /// Nobody asks for it any more: the thread ends.
    deinit { state.change(waking: .all) { ($0.waiting, $0.isWhole) = ([], true) } }

    /// Keeps the bytes, and leaves an array that is free to be filled. Blocks while the thread is behind. Throws a `FileCacheError`.
    func add(_ piece: inout [UInt8]) throws(FileCacheError) {
        guard !piece.isEmpty else { return }
        guard hasThread || first != nil else {
            (first, piece) = (piece, [])
            return
        }
        if !hasThread { try begin() }
        handOver(&piece)
    }

    private func begin() throws(FileCacheError) {
        let failure = startThread { [state] in Self.run(state) }
        guard failure == 0 else {
            throw FileCacheError(.disk, "no thread for this: \(String(cString: strerror(failure)))")
        }
        hasThread = true
        if var first { handOver(&first) }
        first = nil
    }

    private func handOver(_ piece: inout [UInt8]) {
        state.wait { $0.waiting.count < Self.waitingMax ? () : nil }
        // Nobody else adds any.
        state.change(waking: .all) { state in
            state.waiting.append(piece)
            piece = state.free.popLast() ?? []
        }
    }

    /// Of all that came; to be asked for once. Blocks.
    func finish() -> [UInt8] {
        guard hasThread else { return SHA256.digest(of: first ?? []) }
        state.change(waking: .all) { $0.isWhole = true }
        return state.wait { $0.sum }
    }

    private static func run(_ state: Monitor<State>) {
        let sha = SHA256()
        var piece: [UInt8] = []
        while take(&piece, state) { sha.update(piece) }
        let sum = sha.finish()
        state.change(waking: .all) { $0.sum = sum }
    }

    /// Gives the last one back for the next. Blocks until there is one. False: there is none any more.
    private static func take(_ piece: inout [UInt8], _ state: Monitor<State>) -> Bool {
        state.change(waking: .all) { $0.free.append(piece) }
        // Held here, too, it would be copied when it is filled anew.
        piece = []
        let next = state.wait { state -> [UInt8]?? in
            if !state.waiting.isEmpty { return .some(state.waiting.removeFirst()) }
            return state.isWhole ? .some(nil) : nil
        }
        piece = next ?? []
        return next != nil
    }
}
