internal import Glibc

/// So many open pages of the dashboard in one process, and when each of them has what changed: a line
/// {"seen":KIND,"id":…,"page":…,"at":nanoseconds of the monotonic clock} each.
final class Pages {
    private let port: UInt16
    private let token: String
    private let count: Int
    private let poller = Poller()
    private var pages: [PageReader] = []
    private var streams: [Int32] = []
    private var calls: [Int32] = []
    private var lines = ""
    private var isJoined = false

    init(port: UInt16, token: String, count: Int) { (self.port, self.token, self.count) = (port, token, count) }

    func run() throws {
        for index in 0..<count {
            pages.append(
                PageReader { [unowned self] kind, id in
                    lines += "{\"seen\":\"\(kind.rawValue)\",\"id\":\(id),\"page\":\(index),\"at\":\(nanoseconds())}\n"
                })
            streams.append(try poller.connect(port: port, tag: UInt32(index * 2)))
            calls.append(-1)
            try send("/v1/overview/events", to: streams[index])
        }
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        var saidAt = 0.0
        while true {
            try poller.wait(milliseconds: 50) { try take($0, &piece) }
            if !lines.isEmpty {
                say(String(lines.dropLast()))
                lines = ""
            }
            guard now() - saidAt >= 0.5 else { continue }
            saidAt = now()
            if !isJoined, pages.allSatisfy(\.isThere) {
                isJoined = true
                say("{\"joined\":\(count)}")
            }
            let (changes, bytes) = (pages.reduce(0) { $0 + $1.changes }, pages.reduce(0) { $0 + $1.bytes })
            say("{\"changes\":\(changes),\"bytes\":\(bytes),\"gaps\":\(pages.reduce(0) { $0 + $1.gaps })}")
        }
    }

    private func take(_ tag: UInt32, _ piece: inout [UInt8]) throws {
        let (index, isStream) = (Int(tag / 2), tag % 2 == 0)
        let got = recv(isStream ? streams[index] : calls[index], &piece, piece.count, Int32(MSG_DONTWAIT))
        if got < 0, errno == EAGAIN { return }
        guard got > 0 else {
            if isStream { throw MembersError("the coordinator broke off a page") }
            // Nothing was asked for a while.
            close(calls[index])
            calls[index] = -1
            return
        }
        try piece.withUnsafeBufferPointer { buffer in
            let bytes = UnsafeBufferPointer(rebasing: buffer[..<got])
            if isStream {
                guard try pages[index].takeStream(bytes) else { return }
                if calls[index] < 0 { calls[index] = try poller.connect(port: port, tag: UInt32(index * 2 + 1)) }
                try send("/v1/overview", to: calls[index])
            } else {
                _ = try pages[index].takeAnswer(bytes)
            }
        }
    }

    private func send(_ path: String, to socket: Int32) throws {
        guard Poller.send(PageReader.request(path, token: token), to: socket) else {
            throw MembersError("the coordinator broke off a page")
        }
    }
}

/// Of the monotonic clock.
func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
