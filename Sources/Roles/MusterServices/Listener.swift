package import MusterAPI
package import MusterHTTP
internal import MusterRole
internal import Synchronization

/// The coordinator's server, once it has begun, and where others find it.
package final class Listener: Sendable {
    package let configuration: HTTPServer.Configuration
    /// From `--advertise`.
    private let advertisedURL: String?
    private let server = Mutex<HTTPServer?>(nil)

    package init(_ configuration: HTTPServer.Configuration, advertisedURL: String?) {
        (self.configuration, self.advertisedURL) = (configuration, advertisedURL)
    }

    /// Throws when the port cannot be had. `check` is asked before a body is taken.
    package func start(
        _ routes: HTTPServer.Routes, descriptorsReserved: Int,
        check: @escaping @Sendable (HTTPRequest) throws -> Void
    ) throws {
        var settings = configuration
        settings.limits.descriptorsReserved = descriptorsReserved
        if isTLS { settings.limits.descriptorsOfConnection = HTTPServer.Limits.descriptorsOfUpgradeWithTLS }
        let server = HTTPServer(settings, routes, authorize: check)
        try server.start()
        self.server.withLock { $0 = server }
    }

    package var port: UInt16 { server.withLock { $0?.port ?? 0 } }
    package var isTLS: Bool { configuration.tlsCertificate != nil }
    package var statistics: HTTPServer.Statistics? { server.withLock { $0?.statistics } }

    /// The bounds by which it refused somebody since it began, the latest first.
    package var limitsMet: [LimitStatus] { server.withLock { $0?.limitsMet ?? [] } }

    /// As this machine reaches it.
    package var ownURL: String {
        switch configuration.host {
        case "0.0.0.0": url(host: "127.0.0.1")
        case "::": url(host: "[::1]")
        case let host where host.contains(":"): url(host: "[\(host)]")
        case let host: url(host: host)
        }
    }

    package func url(host: String) -> String { "\(isTLS ? "https" : "http")://\(host):\(port)" }

    /// What the operator says that it is.
    package var toldURL: String? { advertisedURL?.withoutTrailingSlashes }

    /// Where machines elsewhere find it, as far as it can tell.
    package var othersURL: String { toldURL ?? reachableURL(configuration, port: port) }

    /// Throws an `HTTPServerError` for what does not fit; then nothing changes.
    package func replaceCertificate(_ certificate: String, key: String) throws {
        try server.withLock { $0 }?.replaceCertificate(certificate, key: key)
    }

    package func windDown() { server.withLock { $0 }?.windDown() }

    package func shutdown(graceSeconds: Double) async {
        await server.withLock { $0 }?.shutdown(graceSeconds: graceSeconds)
    }
}
