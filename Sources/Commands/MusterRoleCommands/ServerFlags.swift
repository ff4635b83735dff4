internal import Glibc
internal import MusterCommandLine
internal import MusterHTTP
internal import MusterLog
internal import MusterSystem

/// What every command that listens has in common.
enum ServerFlags {
    static let ciphers = Flag<String>.text(
        "tls-ciphers", "TEXT", as: .text(bytesMax: 1_024, suggestions: []),
        default: HTTPServer.Configuration.defaultCiphers,
        "With --tls-cert: versions and ciphers of TLS, as GnuTLS reads them (its \"priority strings\").")
    static let perAddress = Flag<Int?>.int(
        "connections-per-address", "N", in: 16...1_000_000,
        "Connections above this number from one address (of IPv6: from one /64) are answered 503. Raise it where all clients come "
            + "through one proxy."
    ).defaulting(to: "half of all that the process can have")
    private static let threadsMax = 256
    static let threads = Flag<Int?>.int(
        "http-threads", "N", in: 1...threadsMax, "Threads that answer requests at each address."
    ).defaulting(to: "the processors it may use")
    static let drain = Flag.seconds(
        "drain-seconds", in: 0...3600, default: 0,
        "Asked to end, it says 503 at /readyz for so long and goes on answering, so that load balancers can leave it.")
    static let finish = Flag.seconds(
        "finish-seconds", in: 0...3600, default: 20,
        "Then what is under way has so long to be finished, before its connections are cut.")

    static let accessLog = Flag<String>.text(
        "access-log", "FORMAT", as: .choice(["off"] + AccessFormat.allCases.map(\.rawValue), reserved: []),
        default: "off",
        "Write a line for each request to standard output: common (the Common Log Format) or json. Tokens are never in it."
    )

    /// For every command that serves HTTP; with TLS as well.
    static let all = plain + [CommonFlags.tlsCert.spec, CommonFlags.tlsKey.spec, ciphers.spec]
    static let plain = [CommonFlags.hosts.spec, threads.spec, perAddress.spec, accessLog.spec, drain.spec, finish.spec]

    /// `name` is the process's in its access log. Throws a `CommandError` for files that cannot be read.
    @MainActor static func configuration(
        _ invocation: Invocation, port: Int, name: String
    ) throws -> HTTPServer.Configuration {
        var server = plainConfiguration(invocation, port: port, name: name)
        server.tlsCertificate = try invocation[CommonFlags.tlsCert].map(CoordinatorCommand.text(of:))
        server.tlsKey = try invocation[CommonFlags.tlsKey].map(CoordinatorCommand.secret(of:))
        server.tlsCiphers = invocation[ciphers]
        return server
    }

    /// Without TLS.
    @MainActor static func plainConfiguration(
        _ invocation: Invocation, port: Int, name: String
    ) -> HTTPServer.Configuration {
        var server = HTTPServer.Configuration()
        server.hosts = invocation[CommonFlags.hosts]
        server.port = UInt16(port)
        server.threads = invocation[threads] ?? min(Self.threadsMax, Processors.usable)
        server.limits.connectionsPerAddress = invocation[perAddress]
        server.accessLog = AccessFormat(rawValue: invocation[accessLog]).map { AccessLog($0, server: name) }
        return server
    }

    /// How it bounds its connections and how it ends, as arguments for a server that it starts beside itself.
    @MainActor static func limits(_ invocation: Invocation) -> [String] {
        (invocation[threads].map { ["--http-threads", "\($0)"] } ?? [])
            + (invocation[perAddress].map { ["--connections-per-address", "\($0)"] } ?? [])
            + [
                "--drain-seconds", "\(invocation[drain] / .seconds(1))",
                "--finish-seconds", "\(invocation[finish] / .seconds(1))",
            ]
    }

    /// Where the process listens, an address each.
    @MainActor static func urls(_ invocation: Invocation, scheme: String, port: UInt16) -> [String] {
        invocation[CommonFlags.hosts].map { "\(scheme)://\($0.contains(":") ? "[\($0)]" : $0):\(port)" }
    }

    /// The same signals but for SIGHUP. That has the certificate read again, where there is one; `replace` throws an
    /// `HTTPServerError` for one that does not fit, and then what was there is served on. Where there is none it ends a process whose
    /// terminal went away, and means nothing to one that has no terminal.
    @MainActor static func rereadingCertificate(
        at hangUp: AsyncStream<Int32>, _ invocation: Invocation,
        _ replace: @escaping @Sendable (_ certificate: String, _ key: String) throws -> Void
    ) -> AsyncStream<Int32> {
        let files = invocation[CommonFlags.tlsCert].flatMap { certificate in
            invocation[CommonFlags.tlsKey].map { (certificate: certificate, key: $0) }
        }
        if files == nil, Terminal.isControlling { return hangUp }
        let service = invocation.serviceManager
        let others = AsyncStream<Int32>.makeStream()
        Task {
            for await number in hangUp {
                guard number == SIGHUP else {
                    others.continuation.yield(number)
                    continue
                }
                guard let files else {
                    Log.notice("SIGHUP: there is no certificate to read again")
                    continue
                }
                service.reloading()
                do {
                    try replace(
                        CoordinatorCommand.text(of: files.certificate), CoordinatorCommand.secret(of: files.key))
                    Log.notice("the certificate was read again", ["file": files.certificate])
                    service.ready("the certificate was read again")
                } catch {
                    Log.error(
                        "the certificate was read again and is not used; the one before is served on",
                        ["file": files.certificate, "error": "\(error)"])
                    service.ready("the certificate in \(files.certificate) is not used: the one before is served on")
                }
            }
        }
        return others.stream
    }
}
