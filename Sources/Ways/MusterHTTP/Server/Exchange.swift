internal import CMicroHTTP
internal import Glibc
internal import MusterLog
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// One request and its answer, from the request line to the last byte.
///
/// `@unchecked Sendable`: `shared` guards what other threads touch; every other variable belongs to the HTTP thread.
final class Exchange: @unchecked Sendable {
    enum Phase {
        case new, readingBody
        /// The body is read to its end, then this is the answer.
        case refusing(HTTPResponse)
        case waiting, answered
    }

    struct Shared {
        var response: HTTPResponse?
        var suspended: SuspendedConnection?
        var watch: ConnectionWatcher.Token?
        var isGone = false
        var isOver = false
        var onGone: [@Sendable () -> Void] = []
    }

    let server: ServerCore
    let target: String
    var phase = Phase.new
    /// The request's method is HEAD: its answer has no body, whatever the handler gave.
    var isHead = false
    /// HTTP/1.0: a body whose length nobody knows ends with its connection.
    var isOfOldVersion = false
    var request: HTTPRequest?
    var route: HTTPRoute?
    var body: [UInt8] = []
    var bodyBytesSeen = 0
    /// Who the memory of `body` is counted to; set with its first bytes.
    var sender: String?
    var reader: HTTPBodyReader?
    var stream: HTTPStream?
    var source: (any HTTPBodySource)?
    var taker: UpgradeTaker?
    var streamWatch: ConnectionWatcher.Token?
    var bodyWatch: ConnectionWatcher.Token?
    /// What the access log is told at the end; nil where there is none.
    var access: AccessNote?
    let shared = Mutex(Shared())

    init(_ server: ServerCore, target: String) {
        self.server = server
        self.target = target
    }

    var endsWithConnection: Bool { isOfOldVersion && (stream != nil || source != nil) }

    /// Whether all headers came.
    var hasHead: Bool { if case .new = phase { false } else { true } }

    /// Holds the connection and watches its client, until `answer` or until the client is gone. False: nobody is held any more, and the
    /// connection is to be cut.
    func suspend(_ connection: OpaquePointer) -> Bool {
        if server.watcher.hasGivenUp {
            clientGone()
            return false
        }
        let connection = OnHTTPThread(pointer: connection)
        shared.withLock { shared in
            shared.suspended = .suspend(connection.pointer)
            // An answer, or the client's end, that came since somebody looked had nothing to resume, and comes once.
            if shared.response != nil || shared.isGone { return resume(&shared) }
            let socket = muster_mhd_socket(connection.pointer)
            shared.watch = server.watcher.add(socket) { [weak self] in self?.clientGone() }
        }
        // Perhaps meanwhile.
        if server.watcher.hasGivenUp { clientGone() }
        return true
    }

    /// Watches the client while a task reads its body: a reader that is full has the connection suspended.
    func watchBody(_ connection: OpaquePointer) {
        bodyWatch = server.watcher.add(muster_mhd_socket(connection)) { [weak self] in self?.clientGone() }
    }

    func unwatchBody() {
        if let bodyWatch { server.watcher.remove(bodyWatch) }
        bodyWatch = nil
    }

    func answer(_ response: HTTPResponse) {
        shared.withLock { shared in
            guard shared.response == nil, !shared.isOver, !shared.isGone else {
                if case .stream(let stream) = response.body { Task { stream.clientGone() } }
                return
            }
            shared.response = response
            shared.onGone = []
            resume(&shared)
        }
    }

    func onDisconnect(_ handler: @escaping @Sendable () -> Void) {
        let isGone = shared.withLock { shared in
            if shared.isGone { return true }
            if shared.response == nil && !shared.isOver { shared.onGone.append(handler) }
            return false
        }
        if isGone { Task { handler() } }
    }

    private func clientGone() {
        let handlers = shared.withLock { shared in
            guard !shared.isGone, shared.response == nil else { return [@Sendable () -> Void]() }
            shared.isGone = true
            resume(&shared)
            defer { shared.onGone = [] }
            return shared.onGone
        }
        for handler in handlers { handler() }
        reader?.fail()
    }

    private func resume(_ shared: inout Shared) {
        if let watch = shared.watch { server.watcher.remove(watch) }
        shared.watch = nil
        guard let connection = shared.suspended else { return }
        shared.suspended = nil
        connection.resume()
    }

    /// The request is over, well or not; the socket is still open.
    func finish() {
        let handlers = shared.withLock { shared in
            if let watch = shared.watch { server.watcher.remove(watch) }
            shared.watch = nil
            shared.isOver = true
            let wasWaiting = shared.response == nil && !shared.isGone
            shared.isGone = shared.isGone || wasWaiting
            defer {
                shared.onGone = []
                // Whoever still holds the request has no more use for what it was answered with.
                shared.response = nil
            }
            return wasWaiting ? shared.onGone : []
        }
        if let streamWatch { server.watcher.remove(streamWatch) }
        unwatchBody()
        reader?.fail()
        stream?.clientGone()
        source?.clientGone()
        source = nil
        for handler in handlers { handler() }
        server.release(self)
    }
}

// MARK: - Queueing an answer, on the HTTP thread

extension Exchange {
    func queue(_ response: HTTPResponse, on connection: OpaquePointer) -> Bool {
        phase = .answered
        ServerCore.peer(of: connection).watched?.bodyIsIn()
        access?.answers(with: response, isHead: isHead, muster_mhd_socket(connection))
        if let met = response.met { server.limitsMet.note(met.limit, met.detail) }
        if let problem = roomProblem(response, connection) { return queue(.problem(problem), on: connection) }
        if let upgrade = response.upgrade, isOfOldVersion { return queue(upgrade.refusalOfOldVersion, on: connection) }
        if case .prepared(let prepared) = response.body {
            if server.isWindingDown { return queue(prepared.unprepared, on: connection) }
            return muster_mhd_queue(connection, prepared.status, prepared.response) == 1
        }
        let isBodiless = isHead || response.status == 304
        guard let made = isBodiless ? makeBodiless(response) : make(response, connection) else { return false }
        defer { MHD_destroy_response(made) }
        for (name, value) in response.headers where !addHeader(name, value, to: made) {
            Log.error("an answer's header was left out: it is not one", ["name": name, "value": value])
        }
        if server.isStopping || server.isWindingDown, response.upgrade == nil {
            _ = muster_mhd_add_header(made, "Connection", "close")
        }
        return muster_mhd_queue(connection, UInt32(response.status), made) == 1
    }

    /// An answer's header must fit beside the request's in what the connection has of memory; else libmicrohttpd would cut it
    /// without a word. 502: only what others send is so large.
    private func roomProblem(_ response: HTTPResponse, _ connection: OpaquePointer) -> Problem? {
        let bytes =
            if case .prepared(let prepared) = response.body { prepared.headBytes } else {
                HTTPResponse.headBytes(response.headers)
            }
        let taken =
            muster_mhd_head_size(connection)
            + Int(muster_mhd_header_count(connection)) * HTTPServer.Limits.bytesOfHeader
        let room = server.limits.connectionBytesMax - taken
        guard bytes > max(room, 1_024) else { return nil }
        Log.error("an answer's header is too large", ["bytes": "\(bytes)", "room": "\(room)"])
        return Problem(
            502, "The answer's header has about \(bytes) bytes; \(max(0, room)) fit beside the request's.", code: "size"
        )
    }

    private func make(_ response: HTTPResponse, _ connection: OpaquePointer) -> OpaquePointer? {
        switch response.body {
        case .none, .prepared: return muster_mhd_copied_response(0, nil)
        case .bytes(let bytes):
            if bytes.count <= 16 << 10 { return muster_mhd_copied_response(bytes.count, bytes) }
            return SharedBytes(bytes).makeResponse(0..<bytes.count)
        case .shared(let bytes, let range): return bytes.makeResponse(range)
        case .file(let file):
            // libmicrohttpd would wait for bytes that a shorter file never has.
            var status = stat()
            guard fstat(file.descriptor, &status) == 0, UInt64(status.st_size) >= file.offset + file.count else {
                Log.error("a file is shorter than its answer", ["bytes": "\(status.st_size)"])
                return nil
            }
            let descriptor = fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0)
            guard descriptor >= 0 else { return nil }
            return MHD_create_response_from_fd_at_offset64(file.count, descriptor, file.offset)
        case .stream(let stream): return make(stream, connection)
        case .source(let body): return make(body, connection)
        case .lengthOnly(let count): return Self.makeLengthOnly(count)
        case .upgrade(let upgrade):
            let taker = UpgradeTaker(upgrade, server, ServerCore.peer(of: connection))
            self.taker = taker
            guard let made = taker.makeResponse() else { return nil }
            _ = muster_mhd_add_header(made, "Upgrade", upgrade.name)
            return made
        }
    }

    /// For HEAD and 304. A stream that nobody is to read ends with the request.
    private func makeBodiless(_ response: HTTPResponse) -> OpaquePointer? {
        if case .stream(let stream) = response.body { self.stream = stream }
        return Self.makeLengthOnly(response.body.length(status: response.status))
    }

    /// Nil: without a length. libmicrohttpd sends the end of a chunked body even where there is no body, and without chunks it
    /// keeps no connection whose answer has no length: it says so, and closes.
    private static func makeLengthOnly(_ count: UInt64?) -> OpaquePointer? {
        let made = MHD_create_response_from_callback(
            count ?? muster_mhd_size_unknown, 1, { _, _, _, _ in muster_mhd_end_with_error }, nil, nil)
        if count == nil, let made { muster_mhd_forbid_chunks(made) }
        return made
    }

    private func make(_ stream: HTTPStream, _ connection: OpaquePointer) -> OpaquePointer? {
        self.stream = stream
        streamWatch = server.watcher.add(muster_mhd_socket(connection)) { [weak stream] in stream?.clientGone() }
        if server.watcher.hasGivenUp { stream.clientGone() }
        let source = Unmanaged.passRetained(StreamSource(stream, connection, access))
        return MHD_create_response_from_callback(
            stream.count ?? muster_mhd_size_unknown, stream.pieceBytes,
            { source, _, buffer, count in
                let source = Unmanaged<StreamSource>.fromOpaque(source!).takeUnretainedValue()
                return source.note.counted(source.stream.read(into: buffer!, count, source.connection))
            }, source.toOpaque(), { Unmanaged<StreamSource>.fromOpaque($0!).release() })
    }

    private func make(_ body: HTTPSourceBody, _ connection: OpaquePointer) -> OpaquePointer? {
        source = body.source
        let sleeper = HTTPSleeper(connection)
        streamWatch = server.watcher.add(muster_mhd_socket(connection)) { [weak sleeper, weak source = body.source] in
            sleeper?.clientGone()
            source?.clientGone()
        }
        if server.watcher.hasGivenUp { sleeper.clientGone() }
        let reader = Unmanaged.passRetained(SourceReader(body, sleeper, access))
        return MHD_create_response_from_callback(
            body.count ?? muster_mhd_size_unknown, body.pieceBytes,
            { reader, position, buffer, count in
                let reader = Unmanaged<SourceReader>.fromOpaque(reader!).takeUnretainedValue()
                return reader.read(into: buffer!, count, at: position)
            }, reader.toOpaque(), { Unmanaged<SourceReader>.fromOpaque($0!).release() })
    }

    private final class StreamSource {
        let stream: HTTPStream
        let connection: OpaquePointer
        let note: AccessNote?
        init(_ stream: HTTPStream, _ connection: OpaquePointer, _ note: AccessNote?) {
            (self.stream, self.connection, self.note) = (stream, connection, note)
        }
    }
}
