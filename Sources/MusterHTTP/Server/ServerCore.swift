internal import CMicroHTTP
internal import Glibc
internal import MusterAPI
internal import MusterLog
internal import Synchronization

/// What libmicrohttpd's callbacks work with: one for a server, alive while its daemon is.
final class ServerCore: Sendable {
    /// Chunked bodies over their bound are read on so far, to be able to answer; then the connection is cut.
    static let discardedBytesMax = 1 << 20

    let router: Router
    let fallback: (@Sendable (_ method: String) -> HTTPRoute)?
    let shortcut: (@Sendable (HTTPRawRequest) -> PreparedBody?)?
    let limits: HTTPServer.Limits
    let authorize: (@Sendable (HTTPRequest) throws -> Void)?
    let watcher: ConnectionWatcher
    let reminder: HangUpReminder
    private let stopping = Atomic(false)
    let connections = Atomic(0)
    let underWay = Atomic(0)
    let requests = Atomic(0)
    let refused = Atomic(0)
    private let bodyBytes = Atomic(0)

    init(
        _ routes: HTTPServer.Routes, _ limits: HTTPServer.Limits,
        _ authorize: (@Sendable (HTTPRequest) throws -> Void)?
    ) throws(HTTPServerError) {
        router = Router(routes.named)
        fallback = routes.fallback
        shortcut = routes.shortcut
        self.limits = limits
        self.authorize = authorize
        watcher = try ConnectionWatcher()
        reminder = try HangUpReminder(headSeconds: limits.headSeconds)
    }

    var isStopping: Bool { stopping.load(ordering: .relaxed) }
    func stopTakingRequests() { stopping.store(true, ordering: .relaxed) }

    func release(bodyBytes count: Int) {
        if count > 0 { bodyBytes.subtract(count, ordering: .relaxed) }
    }

    // MARK: The access callback: first with the headers, then with each piece of the body, then at its end

    /// False cuts the connection.
    func access(
        _ exchange: Exchange, _ connection: OpaquePointer, _ method: UnsafePointer<CChar>,
        _ upload: UnsafePointer<CChar>?, _ uploadCount: UnsafeMutablePointer<Int>
    ) -> Bool {
        switch exchange.phase {
        case .new:
            Self.peer(of: connection).watched?.headIsIn()
            exchange.isHead = strcmp(method, "HEAD") == 0
            return begin(exchange, connection, String(cString: method))
        case .readingBody where uploadCount.pointee > 0:
            return take(
                UnsafeRawBufferPointer(start: upload, count: uploadCount.pointee), uploadCount, exchange, connection)
        case .readingBody: return bodyIsIn(exchange, connection)
        case .refusing(let response):
            guard uploadCount.pointee > 0 else { return exchange.queue(response, on: connection) }
            exchange.bodyBytesSeen += uploadCount.pointee
            uploadCount.pointee = 0
            return exchange.bodyBytesSeen <= (exchange.route?.bodyBytesMax ?? 0) + Self.discardedBytesMax
        case .waiting: return answerIfDecided(exchange, connection)
        case .answered: return true
        }
    }

    private func begin(_ exchange: Exchange, _ connection: OpaquePointer, _ method: String) -> Bool {
        if method == "GET", let prepared = router.prepared[exchange.target], !isStopping, Self.isPlain(connection) {
            // Queued at the next call: an answer to a request that is not wholly read would end the connection.
            exchange.phase = .refusing(HTTPResponse(status: 200, body: .prepared(prepared)))
            return true
        }
        if let shortcut, !isStopping, connections.load(ordering: .relaxed) <= limits.connectionsMax,
            let prepared = shortcut(HTTPRawRequest(method: method, target: exchange.target, connection: connection))
        {
            exchange.phase = .refusing(HTTPResponse(status: Int(prepared.status), body: .prepared(prepared)))
            return true
        }
        let hasBody =
            Self.header("Content-Length", connection).map { $0 != "0" } ?? false
            || Self.header("Transfer-Encoding", connection) != nil
        do {
            try prepare(exchange, connection, method)
            exchange.phase = .readingBody
            return true
        } catch let refusal as Refusal {
            refused.add(1, ordering: .relaxed)
            if hasBody { return exchange.queue(refusal.response, on: connection) }
            exchange.phase = .refusing(refusal.response)
            return true
        } catch {
            return false
        }
    }

    private struct Refusal: Error { let response: HTTPResponse }

    /// Everything that can be said from the headers alone.
    private func prepare(_ exchange: Exchange, _ connection: OpaquePointer, _ method: String) throws {
        do {
            if isStopping { throw Problem(503, "This server is stopping.", retryAfter: 2) }
            if connections.load(ordering: .relaxed) > limits.connectionsMax {
                throw Problem(503, "More than \(limits.connectionsMax) connections are open.", retryAfter: 5)
            }
            let headers = Self.headers(of: connection)
            try Self.checkFraming(headers)
            let (target, route, parameters) = try route(method, exchange.target)
            var request = HTTPRequest(
                method: method, target: exchange.target, path: target.path, query: target.query, headers: headers,
                peer: Self.peer(of: connection))
            request.parameters = parameters
            request.access = route.access
            try authorize?(request)
            let declared = headers.first(named: "Content-Length").flatMap { Int($0) } ?? 0
            if declared > route.bodyBytesMax {
                throw Problem(413, "The body has \(declared) bytes; at most \(route.bodyBytesMax) here.", code: "size")
            }
            exchange.request = request
            exchange.route = route
            if case .streamed(let handler) = route.action { start(handler, request, exchange, connection) }
        } catch let miss as RouteMiss {
            throw Refusal(response: miss.response(method, exchange.target))
        } catch {
            var response = Self.response(for: error)
            // What cannot be told apart surely ends here: nothing behind it is taken for a request.
            if response.status == 400 { response.headers.append(("Connection", "close")) }
            throw Refusal(response: response)
        }
    }

    /// What no route knows is the fallback's, unescaped or not: its target need not mean anything here.
    private func route(
        _ method: String, _ text: String
    ) throws -> (target: RequestTarget, route: HTTPRoute, parameters: [String: String]) {
        do {
            let target = try RequestTarget(text)
            let (route, parameters) = try router.find(method, target.path)
            return (target, route, parameters)
        } catch {
            if case RouteMiss.otherMethods? = error as? RouteMiss { throw error }
            guard let fallback else { throw error }
            return (.opaque, fallback(method), [:])
        }
    }

    static func response(for error: any Error) -> HTTPResponse {
        if let problem = error as? Problem { return .problem(problem) }
        Log.error("a request failed", ["error": "\(error)"])
        return .problem(Problem(500, "Something went wrong inside; the server's log says what."))
    }

    /// Two ways to tell where a body ends are one too many: the next request could be smuggled in between.
    private static func checkFraming(_ headers: [(name: String, value: String)]) throws(Problem) {
        // White space before a colon, say, makes a header that one reader sees and the next does not (RFC 9112, 5.1).
        for (name, value) in headers where !isToken(name) || value.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A }) {
            throw Problem(
                400, "\"\(Log.printable(String(name.prefix(40))))\" is not a header's name, or its value is broken.")
        }
        let hosts = headers.count { isSameName($0.name, "Host") }
        if hosts > 1 { throw Problem(400, "\(hosts) Host headers; there must be one.") }
        let lengths = headers.filter { isSameName($0.name, "Content-Length") }
        let codings = headers.filter { isSameName($0.name, "Transfer-Encoding") }
        if lengths.count > 1 || codings.count > 1 || (!lengths.isEmpty && !codings.isEmpty) {
            throw Problem(400, "Content-Length and Transfer-Encoding: one of them, and once.")
        }
        if let coding = codings.first?.value, !isSameName(coding, "chunked") {
            throw Problem(400, "Transfer-Encoding is \"\(coding.prefix(40))\"; only chunked is read here.")
        }
        if let length = lengths.first?.value,
            Int(length) == nil || length.utf8.contains(where: { $0 < 0x30 || $0 > 0x39 })
        {
            throw Problem(400, "Content-Length is \"\(length.prefix(40))\", not a number of bytes.")
        }
    }

    /// Whether no header could let two readers see two ends of the request: then its framing needs no check.
    private static func isPlain(_ connection: OpaquePointer) -> Bool {
        var hosts = 0
        let isPlain = HTTPRawRequest(method: "GET", target: "", connection: connection).allHeaders { name in
            guard isToken(name) else { return false }
            switch name.count {
            case 4: hosts += isSame(name, "host") ? 1 : 0
            case 14: return !isSame(name, "content-length")
            case 17: return !isSame(name, "transfer-encoding")
            default: break
            }
            return true
        }
        return isPlain && hosts <= 1
    }

    /// `lower`: in lower case.
    private static func isSame(_ name: UnsafeRawBufferPointer, _ lower: StaticString) -> Bool {
        name.count == lower.utf8CodeUnitCount
            && zip(name, UnsafeBufferPointer(start: lower.utf8Start, count: name.count)).allSatisfy { $0 | 0x20 == $1 }
    }

    private static func isToken(_ name: String) -> Bool { isToken(name.utf8) }

    /// RFC 9110, 5.6.2.
    private static func isToken(_ name: some Collection<UInt8>) -> Bool {
        !name.isEmpty
            && name.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    private func take(
        _ bytes: UnsafeRawBufferPointer, _ uploadCount: UnsafeMutablePointer<Int>, _ exchange: Exchange,
        _ connection: OpaquePointer
    ) -> Bool {
        let limit = exchange.route?.bodyBytesMax ?? 0
        if exchange.bodyBytesSeen + bytes.count > limit {
            exchange.reader?.fail()
            let problem = Problem(413, "The body has more than \(limit) bytes, the most here.", code: "size")
            return refuse(exchange, uploadCount, problem)
        }
        if let reader = exchange.reader {
            guard let taken = reader.feed(bytes, connection) else { return false }
            exchange.bodyBytesSeen += taken
            uploadCount.pointee -= taken
            return true
        }
        if bodyBytes.add(bytes.count, ordering: .relaxed).newValue > limits.bodyBytesInAllMax {
            bodyBytes.subtract(bytes.count, ordering: .relaxed)
            return refuse(exchange, uploadCount, Problem(503, "Too many bodies are arriving at once.", retryAfter: 2))
        }
        exchange.bodyBytesSeen += bytes.count
        exchange.body.append(contentsOf: bytes)
        uploadCount.pointee = 0
        return true
    }

    /// Drops the piece at hand: libmicrohttpd would wait for another before it hands over one that was left.
    private func refuse(_ exchange: Exchange, _ uploadCount: UnsafeMutablePointer<Int>, _ problem: Problem) -> Bool {
        refused.add(1, ordering: .relaxed)
        exchange.bodyBytesSeen += uploadCount.pointee
        uploadCount.pointee = 0
        exchange.phase = .refusing(.problem(problem))
        return true
    }

    private func bodyIsIn(_ exchange: Exchange, _ connection: OpaquePointer) -> Bool {
        exchange.phase = .waiting
        if let reader = exchange.reader {
            reader.finish()
            exchange.unwatchBody()
            return answerIfDecided(exchange, connection)
        }
        if case .prepared(let prepared)? = exchange.route?.action {
            return exchange.queue(HTTPResponse(status: 200, body: .prepared(prepared)), on: connection)
        }
        guard case .whole(let handler)? = exchange.route?.action, var request = exchange.request else { return false }
        request.body = exchange.body
        exchange.request = nil
        let outcome: HTTPOutcome
        do {
            if exchange.route?.readsForm == true { request.form = try FormBody.fields(request.body, of: connection) }
            outcome = try handler(request)
        } catch {
            return exchange.queue(Self.response(for: error), on: connection)
        }
        switch outcome {
        case .respond(let response): return exchange.queue(response, on: connection)
        case .hold(let hold):
            exchange.suspend(connection)
            hold(HeldRequest(exchange))
        case .task(let body):
            exchange.suspend(connection)
            let task = Task {
                do { exchange.answer(try await body()) } catch { exchange.answer(Self.response(for: error)) }
            }
            exchange.onDisconnect { task.cancel() }
        }
        return true
    }

    private func start(
        _ handler: @escaping @Sendable (HTTPRequest, HTTPBodyReader) async throws -> HTTPResponse,
        _ request: HTTPRequest, _ exchange: Exchange, _ connection: OpaquePointer
    ) {
        let reader = HTTPBodyReader()
        exchange.reader = reader
        exchange.watchBody(connection)
        let task = Task {
            do {
                exchange.answer(try await handler(request, reader))
            } catch {
                exchange.answer(Self.response(for: error))
            }
            reader.discard()
        }
        exchange.onDisconnect { task.cancel() }
    }

    /// Called again after a resume, or when the streamed body is in.
    private func answerIfDecided(_ exchange: Exchange, _ connection: OpaquePointer) -> Bool {
        let (response, isGone) = exchange.shared.withLock { ($0.response, $0.isGone) }
        if let response { return exchange.queue(response, on: connection) }
        if isGone { return false }
        exchange.suspend(connection)
        return true
    }
}

// MARK: - What libmicrohttpd knows of a connection

extension ServerCore {
    private static func header(_ name: String, _ connection: OpaquePointer) -> String? {
        MHD_lookup_connection_value(connection, .HEADER_KIND, name).map { String(cString: $0) }
    }

    private static func headers(of connection: OpaquePointer) -> [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        withUnsafeMutablePointer(to: &found) { pointer in
            _ = MHD_get_connection_values(
                connection, .HEADER_KIND,
                { list, _, name, value in
                    let list = list!.assumingMemoryBound(to: [(name: String, value: String)].self)
                    let text = String(cString: name!)
                    let isWhole = HeaderLine.isOneLine(name!, text.utf8.count, value)
                    // What is no token is refused.
                    list.pointee.append((isWhole ? text : text + "\n", value.map { String(cString: $0) } ?? ""))
                    return .YES
                }, pointer)
        }
        return found
    }

    static func peer(of connection: OpaquePointer) -> HTTPPeer {
        guard let context = muster_mhd_connection_context(connection) else { return HTTPPeer(address: "") }
        return Unmanaged<HTTPPeer>.fromOpaque(context).takeUnretainedValue()
    }

    /// Once a connection, so that requests need not translate the address again.
    func makePeer(of connection: OpaquePointer) -> HTTPPeer {
        HTTPPeer(address: Self.address(of: connection), watched: reminder.add(muster_mhd_socket(connection)))
    }

    func forget(_ peer: HTTPPeer) {
        if let watched = peer.watched { reminder.remove(watched) }
    }

    private static func address(of connection: OpaquePointer) -> String {
        guard let address = muster_mhd_peer(connection) else { return "" }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let size = muster_address_size(address)
        guard getnameinfo(address, size, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0 else {
            return ""
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
