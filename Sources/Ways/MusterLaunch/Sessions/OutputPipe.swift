internal import CSpawn
internal import Glibc

/// What a program writes, of which the first bytes are kept and all are counted. Used by one thread.
package struct OutputPipe: ~Copyable {
    /// Nobody's any more once everything was read: -1.
    package private(set) var reading: Int32
    /// The program's end; closed here when the program has ended.
    package private(set) var writing: Int32
    package private(set) var kept: [UInt8] = []
    /// Bytes that came in all.
    package private(set) var count = 0
    private let bytesMax: Int

    package init(keeping bytesMax: Int) throws(Session.Fault) {
        var ends: [CInt] = [0, 0]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw Session.Fault(code: errno) }
        // The reading end alone: the program's writes shall block while nobody reads.
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        (reading, writing, self.bytesMax) = (ends[0], ends[1], bytesMax)
    }

    deinit {
        if reading >= 0 { close(reading) }
        if writing >= 0 { close(writing) }
    }

    package mutating func closeWriting() {
        close(writing)
        writing = -1
    }

    /// Reads what is there, at most 1 MiB, so that who writes without end keeps nobody from looking at the clock. `watch` sees all of it,
    /// with its place.
    package mutating func read(_ watch: ((UnsafeRawBufferPointer, Int) -> Void)? = nil) {
        guard reading >= 0 else { return }
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { room in
            for _ in 0..<16 {
                let got = Glibc.read(reading, room.baseAddress, room.count)
                if got > 0 {
                    watch?(UnsafeRawBufferPointer(rebasing: room[..<got]), count)
                    kept.append(contentsOf: room[..<min(got, bytesMax - kept.count)])
                    count += got
                    if got < room.count { return }
                } else if got == 0 || (errno != EAGAIN && errno != EINTR) {
                    close(reading)
                    reading = -1
                    return
                } else if errno == EAGAIN {
                    return
                }
            }
        }
    }

    /// The rest, once nobody writes any more: what the pipe holds.
    package mutating func drain(_ watch: ((UnsafeRawBufferPointer, Int) -> Void)? = nil) {
        // Who escaped may write on: a pipe holds 1 MiB at most, unless root made it larger.
        let limit = count + 1 << 20
        var before = -1
        while reading >= 0, before != count, count <= limit {
            before = count
            read(watch)
        }
    }
}
