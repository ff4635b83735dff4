package import HTTPCaching
package import MusterCache
internal import MusterEdgePeers
package import MusterElection
package import MusterHTTP
package import MusterRole

/// How one edge is set up; from the flags of `muster edge`.
package struct EdgeConfiguration: Sendable {
    /// Where requests go that the cache cannot answer.
    package struct Upstream: Sendable {
        /// Scheme, host and port, without a slash at the end.
        package var url: String
        /// Whether it belongs to the fleet, and may see the fleet's tokens.
        package var isOfFleet: Bool
        /// Sent with requests that bring no `Authorization` of their own.
        package var token: String?

        package init(url: String, isOfFleet: Bool, token: String? = nil) {
            (self.url, self.isOfFleet, self.token) = (url.withoutTrailingSlashes, isOfFleet, token)
        }

        /// Whether it may be the fleet's origin, whose files are not for everybody.
        var keepsFiles: Bool { isOfFleet || token != nil }
    }

    /// Its place in the order of edges.
    package var id: EdgeID
    /// Its own folder: tokens and the cache. Created 0700.
    package var dataDirectory: String
    /// Where edges of one machine keep the token that they let each other in by.
    package var sharedDirectory: String
    package var server: HTTPServer.Configuration
    package var upstream: Upstream
    /// The coordinator, which renders `/mandelbrot.png` and `/tiles/`; nil: they go to the upstream as all else.
    package var gateway: Upstream?
    /// From `--token`, where it is listed nowhere; nil makes one at first start and keeps it.
    package var adminToken: String?
    /// From `--read-token-file`; nil makes one at first start and keeps it.
    package var readToken: String?
    /// By which it joins the coordinator of `--join`, which then tells what that and other tokens are good for.
    package var joinToken: String?
    package var access = AccessSettings()
    package var version: String
    package var limits = CacheLimits()
    package var policy = CachePolicy()
    /// Nothing came from the upstream for so long: the fetch has failed.
    package var upstreamSeconds = 30
    /// Whether the upstream is told where requests come from. From `--forwarded`.
    package var tellsClients = true
    /// `Host`s by which clients know this edge, in lower case, beside its own address. From `--host-name`.
    package var hostNames: Set<String> = []
    /// Begins the paths of the edge's own routes: empty, or a path without a slash at its end. From `--own-paths`.
    package var ownPaths = ""
    /// An edge that nobody hears for so long is forgotten.
    package var absence: Duration = .seconds(60)
    package var tlsAuthority: String?
    /// Where other edges are; this one may be among them. From `--peers`.
    package var peers: [String] = []
    /// Whether a coordinator will tell of others (`meet`). From `--join`.
    package var isListed = false
    /// Between two signs of life of the leader. From `--heartbeat-ms`.
    package var heartbeat: Duration = .milliseconds(100)
    /// Where others find this one; nil: at the address that it listens on. From `--advertise`.
    package var advertisedURL: String?

    package init(
        id: EdgeID, dataDirectory: String, sharedDirectory: String, server: HTTPServer.Configuration,
        upstream: Upstream, version: String
    ) {
        self.id = id
        self.dataDirectory = dataDirectory
        self.sharedDirectory = sharedDirectory
        self.server = server
        self.upstream = upstream
        self.version = version
    }

    /// `token`: what lets this edge in at the others.
    func peerSettings(token: String) -> PeerSettings {
        var settings = PeerSettings(id: id, dataDirectory: dataDirectory, token: token)
        (settings.configured, settings.isListed) = (peers, isListed)
        (settings.heartbeat, settings.absence, settings.ownPaths) = (heartbeat, absence, ownPaths)
        return settings
    }

    var upstreams: Upstreams { Upstreams(upstream: upstream, gateway: gateway) }
}

/// Who is asked for what.
struct Upstreams: Sendable {
    let upstream: EdgeConfiguration.Upstream
    /// For what the coordinator renders.
    let gateway: EdgeConfiguration.Upstream?

    /// Who computes or keeps what this target names.
    func of(_ target: String) -> EdgeConfiguration.Upstream {
        guard let gateway else { return upstream }
        // By bytes: what follows a character may belong to it, as texts go.
        let path = target.utf8.prefix { $0 != UInt8(ascii: "?") }
        return path.elementsEqual("/mandelbrot.png".utf8) || path.starts(with: "/tiles/".utf8) ? gateway : upstream
    }
}
