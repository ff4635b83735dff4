internal import CMicroHTTP
internal import Synchronization

/// A body that any number of clients read, each at its own place and pace, perhaps while it is still coming in. Nobody
/// waits for another: who is slow finds the bytes where they were.
package protocol HTTPBodySource: AnyObject, Sendable {
    /// Copies bytes from `offset` on into `room`, never waiting. With none there yet it keeps `sleeper`, calls its `sleep()`
    /// under the lock under which bytes are added, and wakes it when there are some. Called on the HTTP thread.
    func read(into room: UnsafeMutableRawBufferPointer, at offset: UInt64, sleeper: HTTPSleeper) -> HTTPBodyPortion

    /// The client went away, or has all: this answer reads no more, though somebody may hold it for a while. Called once or twice, on
    /// the watcher's or the HTTP thread.
    func clientGone()
}

extension HTTPBodySource {
    package func clientGone() {}
}

package enum HTTPBodyPortion: Sendable {
    /// 1 or more.
    case bytes(Int)
    /// The sleeper sleeps.
    case wait
    /// The body is whole.
    case end
    /// There will be no more, and it is not whole: the transfer breaks.
    case broken
}

/// A part of a source, sent to one client.
package struct HTTPSourceBody: Sendable {
    package var source: any HTTPBodySource
    package var offset: UInt64
    /// Nil: until the source ends; then it is sent in chunks.
    package var count: UInt64?
    /// What is handed over at a time; the connection holds so much while the answer runs.
    package var pieceBytes: Int

    package init(_ source: any HTTPBodySource, offset: UInt64 = 0, count: UInt64?, pieceBytes: Int = 128 << 10) {
        (self.source, self.offset, self.count, self.pieceBytes) = (source, offset, count, pieceBytes)
    }
}

/// A connection that may sleep until its source has more for it.
package final class HTTPSleeper: Sendable {
    private struct State {
        var connection: SuspendedConnection?
        var isGone = false
    }
    private let state = Mutex(State())
    private let connection: OnHTTPThread<OpaquePointer>

    init(_ connection: OpaquePointer) { self.connection = OnHTTPThread(pointer: connection) }

    /// On the HTTP thread, inside `read`.
    package func sleep() {
        state.withLock { state in
            guard !state.isGone, state.connection == nil else { return }
            state.connection = .suspend(connection.pointer)
        }
    }

    /// Any thread; nothing happens to one that does not sleep.
    package func wake() { wake(isGone: false) }

    func clientGone() { wake(isGone: true) }

    var isGone: Bool { state.withLock { $0.isGone } }

    private func wake(isGone: Bool) {
        state.withLock { state in
            state.isGone = state.isGone || isGone
            state.connection?.resume()
            state.connection = nil
        }
    }
}

/// What one client's answer keeps while it reads a source.
final class SourceReader {
    let body: HTTPSourceBody
    let sleeper: HTTPSleeper
    private let note: AccessNote?

    init(_ body: HTTPSourceBody, _ sleeper: HTTPSleeper, _ note: AccessNote?) {
        (self.body, self.sleeper, self.note) = (body, sleeper, note)
    }

    func read(into buffer: UnsafeMutablePointer<CChar>, _ count: Int, at position: UInt64) -> Int {
        if sleeper.isGone { return muster_mhd_end_with_error }
        let room = UnsafeMutableRawBufferPointer(start: buffer, count: count)
        switch body.source.read(into: room, at: body.offset + position, sleeper: sleeper) {
        case .bytes(let count): return note.counted(count)
        case .wait: return 0
        case .end: return muster_mhd_end_of_stream
        case .broken: return muster_mhd_end_with_error
        }
    }
}
