internal import CMicroHTTP
internal import Glibc
internal import HTTPText
internal import MusterAPI
internal import MusterLog
internal import MusterWire
internal import Synchronization

/// What libmicrohttpd's callbacks work with: one for a server, alive while its daemon is.
final class ServerCore: Sendable {
    /// Chunked bodies over their bound are read on so far, to be able to answer; then the connection is cut.
    static let discardedBytesMax = 1 << 20

    let router: Router
    let fallback: (@Sendable (_ method: String, _ hasBody: Bool) -> HTTPRoute)?
    let shortcut: (@Sendable (HTTPRawRequest) -> PreparedBody?)?
    let limits: HTTPServer.Limits
    let isTLS: Bool
    /// Nil: nobody wants to read of requests.
    let accessLog: AccessLog?
    let authorize: (@Sendable (HTTPRequest) throws -> Void)?
    let watcher: ConnectionWatcher
    let reminder: HangUpReminder
    private let stopping = Atomic(false)
    private let windingDown = Atomic(false)
    let admission: Mutex<Admission>
    let underWay = Atomic(0)
    let requests = Atomic(0)
    let refused = Atomic(0)
    let limitsMet = LimitsMet()
    private let bodies: Mutex<BodyBudgets>
    private let identify: (@Sendable (HTTPRequest) -> String?)?

    init(
        _ routes: HTTPServer.Routes, _ limits: HTTPServer.Limits, isTLS: Bool, _ accessLog: AccessLog?,
        _ authorize: (@Sendable (HTTPRequest) throws -> Void)?
    ) throws(HTTPServerError) {
        router = Router(routes.named)
        fallback = routes.fallback
        shortcut = routes.shortcut
        self.limits = limits
        self.isTLS = isTLS
        self.accessLog = accessLog
        self.authorize = authorize
        identify = routes.identify
        admission = Mutex(
            Admission(
                connectionsMax: limits.connectionsMax,
                connectionsPerAddress: limits.connectionsPerAddress ?? max(16, limits.connectionsMax / 2)))
        bodies = Mutex(BodyBudgets(bytesMax: limits.bodyBytesInAllMax))
        watcher = try ConnectionWatcher()
        reminder = try HangUpReminder(limits)
    }

    var isStopping: Bool { stopping.load(ordering: .relaxed) }
    /// Each answer is its connection's last.
    var isWindingDown: Bool { windingDown.load(ordering: .relaxed) }
    func windDown() { windingDown.store(true, ordering: .relaxed) }
    func stopTakingRequests() { stopping.store(true, ordering: .relaxed) }

    /// Of a request that is over.
    func release(_ exchange: Exchange) {
        guard let sender = exchange.sender, let route = exchange.route else { return }
        bodies.withLock { $0.give(back: exchange.body.count, of: sender, routeBytesMax: route.bodyBytesMax) }
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
            return begin(exchange, ReceivedHead(connection: connection, method: method))
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

    private func begin(_ exchange: Exchange, _ head: ReceivedHead) -> Bool {
        let (connection, method) = (head.connection, String(cString: head.method))
        let mayStay = !isStopping && Self.peer(of: connection).refusal == nil
        if method == "GET", mayStay, let prepared = router.prepared[exchange.target], Self.isPlain(head) {
            // Queued at the next call: an answer to a request that is not wholly read would end the connection.
            exchange.phase = .refusing(HTTPResponse(status: 200, body: .prepared(prepared)))
            return true
        }
        if let shortcut, mayStay,
            let prepared = shortcut(HTTPRawRequest(method: method, target: exchange.target, head: head))
        {
            exchange.phase = .refusing(HTTPResponse(status: Int(prepared.status), body: .prepared(prepared)))
            return true
        }
        let hasBody =
            Self.header("Content-Length", connection).map { $0 != "0" } ?? false
            || Self.header("Transfer-Encoding", connection) != nil
        do {
            try prepare(exchange, head, method, hasBody: hasBody)
            exchange.phase = .readingBody
            return true
        } catch let refusal as Refusal {
            if refusal.response.status >= 400 { refused.add(1, ordering: .relaxed) }
            if hasBody { return exchange.queue(refusal.response, on: connection) }
            exchange.phase = .refusing(refusal.response)
            return true
        } catch {
            return false
        }
    }

    /// Its answer, before its body.
    private struct Refusal: Error { let response: HTTPResponse }

    /// Everything that can be said from the headers alone.
    private func prepare(_ exchange: Exchange, _ head: ReceivedHead, _ method: String, hasBody: Bool) throws {
        let connection = head.connection
        let peer = Self.peer(of: connection)
        do {
            if isStopping { throw Problem(503, "This server is stopping.", retryAfter: 2) }
            if let refusal = peer.refusal { throw refusal }
            let headers = try Self.headers(of: head)
            try Self.checkFraming(headers)
            let (target, route, parameters) = try route(method, exchange.target, hasBody: hasBody)
            var request = HTTPRequest(
                method: method, target: exchange.target, path: target.path, query: target.query, headers: headers,
                peer: peer)
            request.parameters = parameters
            request.access = route.access
            try authorize?(request)
            let declared = headers.first(named: "Content-Length").flatMap { Int($0) } ?? 0
            if declared > route.bodyBytesMax {
                let detail = "The body has \(declared) bytes; at most \(route.bodyBytesMax) here."
                throw Problem(413, detail, code: "size", limit: .requestBody)
            }
            if let early = route.early, request.header("Expect")?.lowercased() == "100-continue",
                let response = try early(request)
            {
                throw Refusal(response: response)
            }
            exchange.request = request
            exchange.route = route
            if case .streamed(let handler) = route.action { start(handler, request, exchange, connection) }
        } catch let answer as Refusal {
            throw answer
        } catch let miss as RouteMiss {
            throw Refusal(response: miss.response(method, exchange.target))
        } catch {
            var response = Self.response(for: error)
            // What cannot be told apart surely ends here: nothing behind it is taken for a request.
            if response.status == 400 || peer.refusal != nil { response.headers.append(("Connection", "close")) }
            throw Refusal(response: response)
        }
    }

    /// What no route knows is the fallback's, unescaped or not: its target need not mean anything here.
    private func route(
        _ method: String, _ text: String, hasBody: Bool
    ) throws -> (target: RequestTarget, route: HTTPRoute, parameters: [String: String]) {
        do {
            let target = try RequestTarget(text)
            let (route, parameters) = try router.find(method, target.path)
            return (target, route, parameters)
        } catch {
            if case RouteMiss.otherMethods? = error as? RouteMiss { throw error }
            guard let fallback else { throw error }
            return (.opaque, fallback(method, hasBody), [:])
        }
    }

    static func response(for error: any Error) -> HTTPResponse {
        if let problem = error as? Problem { return .problem(problem) }
        Log.error("a request failed", ["error": "\(error)"])
        return .problem(Problem(500, "Something went wrong inside; the server's log says what."))
    }

    private func take(
        _ bytes: UnsafeRawBufferPointer, _ uploadCount: UnsafeMutablePointer<Int>, _ exchange: Exchange,
        _ connection: OpaquePointer
    ) -> Bool {
        let limit = exchange.route?.bodyBytesMax ?? 0
        if exchange.bodyBytesSeen + bytes.count > limit {
            exchange.reader?.fail()
            let detail = "The body has more than \(limit) bytes, the most here."
            return refuse(exchange, uploadCount, Problem(413, detail, code: "size", limit: .requestBody))
        }
        if let reader = exchange.reader {
            guard let taken = reader.feed(bytes, connection) else { return false }
            exchange.bodyBytesSeen += taken
            uploadCount.pointee -= taken
            return true
        }
        let sender = exchange.sender ?? sender(of: exchange, connection)
        exchange.sender = sender
        guard bodies.withLock({ $0.take(bytes.count, for: sender, routeBytesMax: limit) }) else {
            let detail = "Too many bodies are arriving at once, yours among them; send one after the other."
            return refuse(exchange, uploadCount, Problem(503, detail, retryAfter: 2, limit: .requestBodies))
        }
        exchange.bodyBytesSeen += bytes.count
        exchange.body.append(contentsOf: bytes)
        uploadCount.pointee = 0
        return true
    }

    /// Whose share of memory a body takes: the one whom the request's token names, else the address.
    private func sender(of exchange: Exchange, _ connection: OpaquePointer) -> String {
        exchange.request.flatMap { identify?($0) } ?? "\(Self.peer(of: connection).network.number)"
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
        Self.peer(of: connection).watched?.bodyIsIn()
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
            guard exchange.suspend(connection) else { return false }
            hold(HeldRequest(exchange))
        case .task(let body):
            guard exchange.suspend(connection) else { return false }
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
        let reader = HTTPBodyReader(Self.peer(of: connection).watched)
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
        return exchange.suspend(connection)
    }
}

// MARK: - What libmicrohttpd knows of a connection

extension ServerCore {
    private static func header(_ name: String, _ connection: OpaquePointer) -> String? {
        MHD_lookup_connection_value(connection, .HEADER_KIND, name).map { WireText.text(cString: $0) }
    }

    static func peer(of connection: OpaquePointer) -> HTTPPeer {
        guard let context = muster_mhd_connection_context(connection) else { return HTTPPeer(address: "") }
        return Unmanaged<HTTPPeer>.fromOpaque(context).takeUnretainedValue()
    }

    /// Once a connection, so that requests need not translate the address again.
    func makePeer(of connection: OpaquePointer) -> HTTPPeer {
        let address = muster_mhd_peer(connection)
        let network = NetworkKey(number: address.map { muster_network_key($0) } ?? 0)
        return HTTPPeer(
            address: address.map(Self.text(of:)) ?? "", network: network,
            watched: reminder.watch(connection),
            refusal: admission.withLock { $0.arrived(network) })
    }

    func forget(_ peer: HTTPPeer) {
        peer.isFreed.withLock { $0 = true }
        if !peer.isLent.load(ordering: .relaxed) { admission.withLock { $0.left(peer.network) } }
        if let watched = peer.watched { reminder.remove(watched) }
    }

    private static func text(of address: UnsafePointer<sockaddr>) -> String {
        var text = [CChar](repeating: 0, count: 64)
        guard muster_address_text(address, &text, socklen_t(text.count)) != 0 else { return "" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
