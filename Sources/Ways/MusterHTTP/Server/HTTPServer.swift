internal import Glibc
package import MusterAPI
internal import MusterLog
internal import MusterSystem
package import MusterWire
internal import Synchronization

/// Why a server could not start.
package struct HTTPServerError: Error, CustomStringConvertible, Sendable {
    package var message: String
    /// The certificate or the key is at fault, not the address.
    package var isTLS = false
    /// Somebody else listens there.
    package var isTaken = false
    package var description: String { message }
}

/// An HTTP/1.1 server over libmicrohttpd: for each address threads that answer, and two that watch connections of all.
package final class HTTPServer: Sendable {
    /// What is answered, and by what.
    package struct Routes: Sendable {
        package var named: [HTTPRoute]
        /// For whatever no route fits: it gets the target as it came.
        package var fallback: (@Sendable (_ method: String, _ hasBody: Bool) -> HTTPRoute)?
        /// Asked first of all, on the HTTP thread, before the request is checked or its sender's rights are: it answers only what
        /// it knows to be whole, harmless and anybody's. Nil: the request takes the usual way.
        package var shortcut: (@Sendable (HTTPRawRequest) -> PreparedBody?)?

        /// Whose share of the memory for bodies a request takes; nil: that of its address. Asked on the HTTP thread, of bodies only.
        package var identify: (@Sendable (HTTPRequest) -> String?)?

        package init(_ named: [HTTPRoute]) { self.named = named }
    }

    package struct Statistics: Sendable {
        package var connections: Int
        package var requests: Int
        package var refused: Int
        package var underWay: Int
        /// Lines that the access log dropped; nil: there is none.
        package var accessLinesDropped: Int?
        /// By name; those that were never met are missing.
        package var limitsMet: [LimitName: Int] = [:]
    }

    /// Daemons that listen, in the order of the hosts, one for each thread, and such that only finish what came before they were
    /// replaced.
    private struct Running {
        var listening: [Listener] = []
        var retired: [Listener] = []
        var port: UInt16 = 0
        var retiredMax = 0
    }

    private let configuration: Configuration
    private let routes: Routes
    private let authorize: (@Sendable (HTTPRequest) throws -> Void)?
    private let running = Mutex(Running())
    private let core = Mutex<ServerCore?>(nil)

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
    }

    package var port: UInt16 { running.withLock { $0.port } }

    package var statistics: Statistics {
        guard let core = core.withLock({ $0 }) else {
            return Statistics(connections: 0, requests: 0, refused: 0, underWay: 0)
        }
        return Statistics(
            connections: core.admission.withLock { $0.count }, requests: core.requests.load(ordering: .relaxed),
            refused: core.refused.load(ordering: .relaxed), underWay: core.underWay.load(ordering: .relaxed),
            accessLinesDropped: core.accessLog?.dropped, limitsMet: core.limitsMet.counts)
    }

    /// The bounds by which it refused somebody since it began, the latest first.
    package var limitsMet: [LimitStatus] { core.withLock { $0 }?.limitsMet.statuses ?? [] }

    /// Throws an `HTTPServerError` where an address is taken, or closed to this process. Who is to make files before it listens
    /// asks this first; what else may be wrong shows when it listens.
    package static func check(_ configuration: Configuration) throws(HTTPServerError) {
        for host in configuration.hosts {
            let failure = try SocketAddress(host: host, port: configuration.port).failureToListen()
            guard failure == EADDRINUSE || failure == EACCES else { continue }
            let reason = String(cString: strerror(failure))
            throw HTTPServerError(
                message: "cannot listen on \(host):\(configuration.port): \(reason)", isTaken: failure == EADDRINUSE)
        }
    }

    /// Binds and begins to answer. Throws `HTTPServerError` that names host and port.
    package func start() throws(HTTPServerError) {
        var limits = configuration.limits
        let descriptors = SystemLimits.raiseDescriptors()
        let threads = max(1, configuration.threads)
        // Each may let one in that another counts already.
        let ofGeneration = (Listener.descriptors + 1) * threads * configuration.hosts.count
        let retiredMax = configuration.tlsCertificate == nil ? 0 : Self.retiredMax(descriptors / ofGeneration)
        let others = 128 + ofGeneration * (1 + retiredMax) + limits.descriptorsReserved
        let left = (descriptors - Admission.surplusMax - others) / limits.descriptorsOfConnection
        limits.connectionsMax = max(16, min(limits.connectionsMax, left))
        let core = try ServerCore(
            routes, limits, isTLS: configuration.tlsCertificate != nil, configuration.accessLog, authorize)
        var listening: [Listener] = []
        do {
            for host in configuration.hosts {
                let port = listening.first?.port ?? configuration.port
                let first = try Listener(host: host, port: port, configuration, core)
                listening.append(first)
                if threads > 1 { first.sharesSocket() }
                for _ in 1..<threads { listening.append(try Listener(beside: first, configuration, core)) }
            }
        } catch {
            // Some may have begun to answer.
            core.stopTakingRequests()
            core.watcher.giveUpAll()
            for listener in listening { listener.stop() }
            throw error
        }
        running.withLock { [listening] in
            $0 = Running(listening: listening, port: listening[0].port, retiredMax: retiredMax)
        }
        self.core.withLock { $0 = core }
        let (watcher, reminder) = (core.watcher, core.reminder)
        let failures = [startThread { watcher.run() }, startThread { reminder.run() }]
        for failure in failures + [configuration.accessLog?.start() ?? 0] {
            precondition(failure == 0, "no thread beside the server's own: \(String(cString: strerror(failure)))")
        }
        Log.info(
            "limits",
            [
                "threads": "\(threads)", "connections": "\(limits.connectionsMax)",
                "connections-per-address": "\(core.admission.withLock { $0.connectionsPerAddress })",
                "descriptors": "\(descriptors)",
                "idle-seconds": "\(limits.idleSeconds)",
                "head-seconds": "\(limits.headSeconds)", "connection-bytes": "\(limits.connectionBytesMax)",
            ])
    }

    /// From here on each answer is the last of its connection, so that clients come again, perhaps to another server.
    package func windDown() { core.withLock { $0 }?.windDown() }

    /// Answers new requests 503, finishes what is in flight (for `graceSeconds` at most), then stops.
    package func shutdown(graceSeconds: Double) async {
        guard let core = core.withLock({ $0 }) else { return }
        let listeners = running.withLock { running in
            defer { (running.listening, running.retired) = ([], []) }
            return running.listening + running.retired
        }
        if listeners.isEmpty { return }
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
        await withTaskGroup { group in
            for listener in listeners { group.addTask { await listener.stopOnThread() } }
        }
        core.watcher.stop()
        core.reminder.stop()
        await core.accessLog?.end()
        self.core.withLock { $0 = nil }
    }

    /// Serves new connections with another certificate; those that are open keep theirs. Throws an `HTTPServerError`, and changes
    /// nothing, where certificate and key do not fit, or where connections of too many earlier ones (2 to 16, by the descriptors there are) are still open.
    package func replaceCertificate(_ certificate: String, key: String) throws(HTTPServerError) {
        guard let core = core.withLock({ $0 }) else { return }
        var changed = configuration
        (changed.tlsCertificate, changed.tlsKey) = (certificate, key)
        let old = running.withLock { running in
            // Each is asked once: what is stopped must not be asked again.
            let split = running.retired.partition { $0.isEmpty }
            for listener in running.retired[split...] { Task { await listener.stopOnThread() } }
            running.retired.removeSubrange(split...)
            let isFull = running.retired.count >= running.retiredMax * running.listening.count
            return isFull ? [] : running.listening
        }
        if old.isEmpty { throw HTTPServerError(message: "connections with too many older certificates are open") }
        var new: [Listener] = []
        do {
            for listener in old { new.append(try Listener(beside: listener, changed, core)) }
        } catch {
            for listener in new { Task { await listener.stopOnThread() } }
            throw error
        }
        running.withLock { [new] running in
            running.listening = new
            running.retired += old
        }
        for listener in old { listener.quiesce() }
    }

    /// Earlier certificates whose connections may still be open: members' may be for months. They take no more than an eighth of the
    /// descriptors, which are those of so many generations.
    private static func retiredMax(_ generations: Int) -> Int { max(2, min(16, generations / 8)) }
}
