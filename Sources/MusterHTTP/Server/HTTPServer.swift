internal import CMicroHTTP
internal import Glibc
internal import MusterLog
internal import MusterSystem
internal import Synchronization

/// Why a server could not start.
package struct HTTPServerError: Error, CustomStringConvertible, Sendable {
    package var message: String
    /// The certificate or the key is at fault, not the address.
    package var isTLS = false
    package var description: String { message }
}

/// An HTTP/1.1 server over libmicrohttpd: one thread that answers, one that watches held connections.
package final class HTTPServer: Sendable {
    /// Bounds; each is set explicitly and logged at start.
    package struct Limits: Sendable {
        /// Above it requests get 503; at most what the descriptor limit lets.
        package var connectionsMax = 20_000
        /// Descriptors that connections must leave to the rest of the process, beyond the usual 128.
        package var descriptorsReserved = 0
        /// A connection on which nothing moves for so long is closed, half a request included. 1 or more.
        package var idleSeconds: UInt32 = 60
        /// The head of a request may take so long from its first byte on, however steadily it drips; then the connection is
        /// closed, at most a quarter of the time (5 s) late. 1 or more.
        package var headSeconds: UInt32 = 30
        /// Memory of one connection for its request line, headers and buffers; longer headers get 431.
        package var connectionBytesMax = 32 << 10
        /// Bytes of all request bodies that are being read at one time; above it 503.
        package var bodyBytesInAllMax = 1 << 30
        package init() {}
    }

    /// What is answered, and by what.
    package struct Routes: Sendable {
        package var named: [HTTPRoute]
        /// For whatever no route fits: it gets the target as it came.
        package var fallback: (@Sendable (_ method: String) -> HTTPRoute)?
        /// Asked first of all, on the HTTP thread, before the request is checked or its sender's rights are: it answers only what
        /// it knows to be whole, harmless and anybody's. Nil: the request takes the usual way.
        package var shortcut: (@Sendable (HTTPRawRequest) -> PreparedBody?)?

        package init(_ named: [HTTPRoute]) { self.named = named }
    }

    package struct Configuration: Sendable {
        /// An IPv4 or IPv6 address.
        package var host = "127.0.0.1"
        /// 0: any free one.
        package var port: UInt16 = 0
        /// PEM texts; both or neither.
        package var tlsCertificate: String?
        package var tlsKey: String?
        package var limits = Limits()
        package init() {}
    }

    package struct Statistics: Sendable {
        package var connections: Int
        package var requests: Int
        package var refused: Int
        package var underWay: Int
    }

    private struct Running {
        var daemon: OpaquePointer?
        var port: UInt16 = 0
    }

    private let configuration: Configuration
    private let routes: Routes
    private let authorize: (@Sendable (HTTPRequest) throws -> Void)?
    /// Guards the daemon's pointer; libmicrohttpd's own functions may be called on any thread.
    private let running: Mutex<SendableRunning>
    private let core = Mutex<ServerCore?>(nil)

    /// `@unchecked Sendable`: only touched under `running`.
    private struct SendableRunning: @unchecked Sendable { var value = Running() }

    /// `authorize` runs when the headers are in, before the body is read; it throws a `Problem` to refuse.
    package convenience init(
        _ configuration: Configuration, routes: [HTTPRoute],
        authorize: (@Sendable (HTTPRequest) throws -> Void)? = nil
    ) {
        self.init(configuration, Routes(routes), authorize: authorize)
    }

    package init(
        _ configuration: Configuration, _ routes: Routes,
        authorize: (@Sendable (HTTPRequest) throws -> Void)? = nil
    ) {
        self.configuration = configuration
        self.routes = routes
        self.authorize = authorize
        running = Mutex(SendableRunning())
    }

    package var port: UInt16 { running.withLock { $0.value.port } }

    package var statistics: Statistics {
        guard let core = core.withLock({ $0 }) else {
            return Statistics(connections: 0, requests: 0, refused: 0, underWay: 0)
        }
        return Statistics(
            connections: core.connections.load(ordering: .relaxed), requests: core.requests.load(ordering: .relaxed),
            refused: core.refused.load(ordering: .relaxed), underWay: core.underWay.load(ordering: .relaxed))
    }

    /// Binds and begins to answer. Throws `HTTPServerError` that names host and port.
    package func start() throws(HTTPServerError) {
        var limits = configuration.limits
        let descriptors = Self.raiseDescriptorLimit()
        limits.connectionsMax = max(16, min(limits.connectionsMax, descriptors - 128 - limits.descriptorsReserved))
        let core = try ServerCore(routes, limits, authorize)
        let daemon = try startDaemon(core, limits)
        let port = UInt16(muster_mhd_bound_port(daemon))
        running.withLock { $0.value = Running(daemon: daemon, port: port) }
        self.core.withLock { $0 = core }
        let (watcher, reminder) = (core.watcher, core.reminder)
        for failure in [startThread { watcher.run() }, startThread { reminder.run() }] {
            precondition(failure == 0, "no thread to watch connections: \(String(cString: strerror(failure)))")
        }
        Log.info(
            "limits",
            [
                "connections": "\(limits.connectionsMax)", "descriptors": "\(descriptors)",
                "idle-seconds": "\(limits.idleSeconds)",
                "head-seconds": "\(limits.headSeconds)", "connection-bytes": "\(limits.connectionBytesMax)",
            ])
    }

    /// Answers new requests 503, finishes what is in flight (for `graceSeconds` at most), then stops.
    package func shutdown(graceSeconds: Double) async {
        guard let core = core.withLock({ $0 }) else { return }
        let daemon = running.withLock { running in
            defer { running.value.daemon = nil }
            return SendableRunning(value: running.value)
        }
        guard let daemon = daemon.value.daemon else { return }
        core.stopTakingRequests()
        let clock = ContinuousClock()
        let until = clock.now + .seconds(graceSeconds)
        while core.underWay.load(ordering: .relaxed) > 0, clock.now < until {
            try? await Task.sleep(for: .milliseconds(10))
        }
        core.watcher.giveUpAll()
        while core.underWay.load(ordering: .relaxed) > 0, clock.now < until + .seconds(1) {
            // Again and again: a request that was still coming in may be held only now, and none may be at the stop.
            core.watcher.giveUpAll()
            try? await Task.sleep(for: .milliseconds(10))
        }
        // It joins the HTTP thread: not a thing to do on a cooperative one.
        let stopped = SendableRunning(value: Running(daemon: daemon))
        await withCheckedContinuation { continuation in
            let failure = startThread {
                MHD_stop_daemon(stopped.value.daemon)
                continuation.resume()
            }
            if failure != 0 {
                MHD_stop_daemon(daemon)
                continuation.resume()
            }
        }
        core.watcher.stop()
        core.reminder.stop()
        // The daemon's own reference: it calls nothing any more.
        Unmanaged.passUnretained(core).release()
        self.core.withLock { $0 = nil }
    }

    private func startDaemon(_ core: ServerCore, _ limits: Limits) throws(HTTPServerError) -> OpaquePointer {
        let address = try SocketAddress(host: configuration.host, port: configuration.port)
        let context = Unmanaged.passRetained(core)
        var settings = muster_mhd_settings()
        // Some connections above the limit are let in, to be told 503 instead of being cut.
        settings.connections_max = UInt32(limits.connectionsMax + min(64, limits.connectionsMax))
        settings.idle_seconds = limits.idleSeconds
        settings.connection_bytes_max = limits.connectionBytesMax
        settings.context = context.toOpaque()
        settings.on_access = onAccess
        settings.on_completed = onCompleted
        settings.on_connection = onConnection
        settings.on_target = onTarget
        settings.unescape = { _, _, text in strlen(text!) }
        errno = 0
        let daemon = address.withPointer { pointer in
            settings.address = pointer
            return withOptionalCString(configuration.tlsCertificate) { certificate in
                withOptionalCString(configuration.tlsKey) { key in
                    settings.tls_certificate = certificate
                    settings.tls_key = key
                    return muster_mhd_start(&settings)
                }
            }
        }
        guard let daemon else {
            let isTLS = errno == 0 && configuration.tlsCertificate != nil
            let reason = isTLS ? "the TLS certificate or key does not fit" : String(cString: strerror(errno))
            context.release()
            throw HTTPServerError(
                message: "cannot listen on \(configuration.host):\(configuration.port): \(reason)", isTLS: isTLS)
        }
        return daemon
    }

    private static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        }
        return Int(clamping: limit.rlim_cur)
    }
}
