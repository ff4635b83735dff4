internal import CMicroHTTP
internal import Glibc
internal import MusterSystem
internal import Synchronization

/// One daemon of libmicrohttpd: an address, a thread, the connections that it took there.
///
/// `@unchecked Sendable`: the pointer is not changed after `init`; libmicrohttpd's own functions may be called on any thread. It is
/// stopped once, by who holds it last.
final class Listener: @unchecked Sendable {
    /// That it has open beside its connections: where it listens, what wakes it up, what reminds it, and its two sets of events.
    static let descriptors = 5

    let host: String
    let port: UInt16
    private let daemon: OpaquePointer
    private let core: ServerCore
    /// Where it listened, once it does no more; libmicrohttpd leaves it open then.
    private let oldSocket = Atomic(Int32(-1))

    /// Binds and begins to answer. Throws an `HTTPServerError` that names host and port.
    init(host: String, port: UInt16, _ configuration: HTTPServer.Configuration, _ core: ServerCore)
        throws(HTTPServerError)
    {
        self.host = host
        self.core = core
        let address = try SocketAddress(host: host, port: port)
        if let made = Self.start(address, takesBoth: address.isAnySix, socket: -1, configuration, core) {
            daemon = made
        } else if address.isAnySix, errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL {
            // Without IPv6, all addresses are those of IPv4.
            let four = try SocketAddress(host: "0.0.0.0", port: port)
            guard let made = Self.start(four, takesBoth: false, socket: -1, configuration, core) else {
                throw Self.error(host, port, configuration)
            }
            daemon = made
        } else {
            throw Self.error(host, port, configuration)
        }
        self.port = UInt16(muster_mhd_bound_port(daemon))
        core.reminder.add(daemon)
    }

    /// Answers what comes to another's address, too: each connection is taken by one of all that listen there and were not told to
    /// `quiesce`.
    init(
        beside other: Listener, _ configuration: HTTPServer.Configuration, _ core: ServerCore
    ) throws(HTTPServerError) {
        (host, port, self.core) = (other.host, other.port, core)
        let socket = fcntl(muster_mhd_listening_socket(other.daemon), F_DUPFD_CLOEXEC, 0)
        let address = try SocketAddress(host: host, port: port)
        guard socket >= 0, let made = Self.start(address, takesBoth: false, socket: socket, configuration, core) else {
            throw Self.error(host, port, configuration)
        }
        daemon = made
        core.reminder.add(daemon)
        sharesSocket()
    }

    private static func start(
        _ address: SocketAddress, takesBoth: Bool, socket: Int32, _ configuration: HTTPServer.Configuration,
        _ core: ServerCore
    ) -> OpaquePointer? {
        let context = Unmanaged.passRetained(core)
        var settings = muster_mhd_settings()
        // Never reached: who comes above the bounds is turned away when it comes.
        settings.connections_max = UInt32(core.limits.connectionsMax + Admission.surplusMax + 16)
        settings.idle_seconds = core.limits.idleSeconds
        settings.connection_bytes_max = core.limits.connectionBytesMax
        settings.takes_both = takesBoth ? 1 : 0
        settings.socket = socket
        settings.context = context.toOpaque()
        settings.on_arrival = onArrival
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
                    configuration.tlsCiphers.withCString { ciphers in
                        settings.tls_certificate = certificate
                        settings.tls_key = key
                        settings.tls_priorities = ciphers
                        return muster_mhd_start(&settings)
                    }
                }
            }
        }
        if daemon == nil { context.release() }
        return daemon
    }

    private static func error(_ host: String, _ port: UInt16, _ configuration: HTTPServer.Configuration)
        -> HTTPServerError
    {
        let code = errno
        let isTLS = code == 0 && configuration.tlsCertificate != nil
        let reason =
            isTLS
            ? "the TLS certificate or key does not fit, or the ciphers are not known: \(configuration.tlsCiphers)"
            : String(cString: strerror(code))
        return HTTPServerError(
            message: "cannot listen on \(host):\(port): \(reason)", isTLS: isTLS, isTaken: code == EADDRINUSE)
    }

    /// Others listen there, too. Before anybody may tell it to `quiesce`.
    func sharesSocket() { muster_mhd_share_socket(daemon) }

    var isEmpty: Bool { muster_mhd_connections(daemon) == 0 }

    /// Takes no more connections; those that are open go on.
    func quiesce() { oldSocket.store(MHD_quiesce_daemon(daemon), ordering: .relaxed) }

    /// Ends its connections and its thread, which it waits for: not a thing to do on a cooperative one.
    func stopOnThread() async {
        await withCheckedContinuation { continuation in
            let failure = startThread {
                self.stop()
                continuation.resume()
            }
            if failure != 0 {
                stop()
                continuation.resume()
            }
        }
    }

    func stop() {
        core.reminder.remove(daemon)
        MHD_stop_daemon(daemon)
        let socket = oldSocket.exchange(-1, ordering: .relaxed)
        if socket >= 0 { close(socket) }
        // The daemon's own reference: it calls nothing any more.
        Unmanaged.passUnretained(core).release()
    }
}
