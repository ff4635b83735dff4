internal import Glibc

/// A connection to a container's standard streams, which an HTTP client cannot make: after the engine's answer both sides write as
/// they like (Docker Engine API, "Attach to a container"). Used by one thread.
final class AttachedStream {
    private let descriptor: CInt
    private var frames = OutputFrames()
    private var early: [UInt8] = []
    private var input: ArraySlice<UInt8>
    private var inputIsOpen: Bool

    enum Step {
        /// Nothing came in time.
        case nothing
        case bytes
        case end
    }

    /// Connects, and is attached when it returns. `input` is given to the container, then its input ends.
    init(_ address: EngineAddress, target: String, input: [UInt8], within seconds: Int) throws(EngineError) {
        self.input = input[...]
        inputIsOpen = !input.isEmpty
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else {
            throw EngineError(.away, "no socket: \(String(cString: strerror(errno)))", isRetryable: true)
        }
        do throws(EngineError) {
            try connect(address)
            var limit = timeval(tv_sec: seconds, tv_usec: 0)
            for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
                setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
            }
            try shakeHands(target, address)
            _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    private func connect(_ address: EngineAddress) throws(EngineError) {
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        let path = Array(address.path.utf8)
        guard path.count < MemoryLayout.size(ofValue: place.sun_path) else {
            throw EngineError(.away, "the path of the socket is too long: \(address.path)", isRetryable: false)
        }
        withUnsafeMutableBytes(of: &place.sun_path) { $0.copyBytes(from: path) }
        let code = withUnsafePointer(to: &place) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else {
            throw address.defect ?? EngineError(.away, "no container engine answers at \(address.path)")
        }
    }

    private func shakeHands(_ target: String, _ address: EngineAddress) throws(EngineError) {
        let head =
            "POST \(target) HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
        let bytes = Array(head.utf8)
        guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw EngineError(.away, "no container engine answers at \(address.path)")
        }
        var answer: [UInt8] = []
        let end = Array("\r\n\r\n".utf8)
        while answer.firstRange(of: end) == nil {
            var room = [UInt8](repeating: 0, count: 4_096)
            let count = read(descriptor, &room, room.count)
            guard count > 0, answer.count < 64 << 10 else {
                throw EngineError(
                    .timeout, "the container engine at \(address.path) did not attach to a container's streams")
            }
            answer += room[..<count]
        }
        let range = answer.firstRange(of: end)!
        let status = String(decoding: answer.prefix(12), as: UTF8.self)
        guard status.hasSuffix(" 101") || status.hasSuffix(" 200") else {
            // Podman makes the container here, and says here what is wrong with its program.
            var said = Array(answer[range.upperBound...])
            if said.isEmpty {
                var room = [UInt8](repeating: 0, count: 4_096)
                said = Array(room[..<max(0, read(descriptor, &room, room.count))])
            }
            let reason = EngineAnswer(status: 0, body: said, asked: target).complaint
            throw EngineError(
                .refused, "the container engine refused to attach (\(status.suffix(3))): \(reason)", isRetryable: false)
        }
        early = Array(answer[range.upperBound...])
    }

    /// Writes what is left of the input, and gives what came of the output; waits for either at most so long.
    func step(
        milliseconds: Int32, _ each: (OutputFrames.Stream, ArraySlice<UInt8>) -> Void
    ) throws(EngineError) -> Step {
        if !early.isEmpty {
            frames.feed(early, each)
            early = []
        }
        if inputIsOpen, input.isEmpty {
            inputIsOpen = false
            shutdown(descriptor, Int32(SHUT_WR))
        }
        let wanted = Int16(POLLIN) | (inputIsOpen ? Int16(POLLOUT) : 0)
        var watched = pollfd(fd: descriptor, events: wanted, revents: 0)
        guard poll(&watched, 1, milliseconds) > 0 else { return .nothing }
        if watched.revents & Int16(POLLOUT) != 0 { writeInput() }
        guard watched.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 else { return .nothing }
        var room = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(descriptor, &room, room.count)
        if count < 0, errno == EAGAIN || errno == EINTR { return .nothing }
        guard count > 0 else { return .end }
        frames.feed(Array(room[..<count]), each)
        guard !frames.isBroken else {
            throw EngineError(.badAnswer, "the container engine's stream of output makes no sense")
        }
        return .bytes
    }

    private func writeInput() {
        let count = input.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count > 0 {
            input = input.dropFirst(count)
        } else if errno != EAGAIN && errno != EINTR {
            // It does not want more; that is its own matter.
            input = []
            inputIsOpen = false
        }
    }
}
