internal import Glibc
internal import MusterAPI
internal import MusterCore
internal import MusterHTTP
internal import MusterLog
internal import MusterNode

/// `muster origin`.
package enum OriginCommand {
    package static let port = CommonFlags.port(default: 9000)
    package static let images = Flag<String?>.text(
        "images", "DIR", as: .directory, "Where the images are; made if missing, and for one origin at a time."
    ).defaulting(to: "DIR/origin/images, DIR being the data directory")
    package static let imageBytesMax = Flag<Int>.int(
        "image-bytes-max", "N", in: 1...1 << 40, default: OriginRoutes.imageBytesMaxDefault,
        "Larger images are refused.")
    package static let maxAge = Flag<Int>.int(
        "max-age", "SECONDS", in: 0...31_536_000, default: 60,
        "For so long caches may answer with an image before they ask again.")
    package static let noSamples = Flag.bool(
        "no-samples", "Start empty: render no sample images at the first start.")
    package static let isPrivate = Flag.bool(
        "private", "Demand a token of those who only look at images, too: the read or the join token.")
    package static let join = Flag<String?>.text(
        "join", "URL", as: .url, "A coordinator to be listed at, as a member without a rank."
    ).defaulting(to: "none")
    package static let advertise = Flag<String?>.text(
        "advertise", "URL", as: .url, "With --join: where others reach this origin."
    ).defaulting(to: "the address that it listens on")

    package static let command = Command(
        name: "origin", summary: "store images by number and serve them",
        description: [
            "Runs until SIGINT or SIGTERM, then finishes what is in flight and ends. Prints 'listening on "
                + "URL' once it serves.",
            "PUT /images/7 stores whatever bytes it is sent, under the type they are sent with, and answers when they "
                + "are on disk; GET, HEAD and DELETE do the rest, and /v1/events tells of every change.",
            "At its first start it renders images 1 to 12 itself.",
        ],
        flags: [
            CommonFlags.data.spec, CommonFlags.host.spec, port.spec, CoordinatorCommand.token.spec, images.spec,
            imageBytesMax.spec, maxAge.spec, noSamples.spec, isPrivate.spec, join.spec, advertise.spec,
            CommonFlags.tlsCert.spec, CommonFlags.tlsKey.spec, CommonFlags.tlsCA.spec,
        ] + CommonFlags.always,
        rules: [.together(["tls-cert", "tls-key"])],
        exits: [
            Command.Exit(.success, "It was asked to end, and did."),
            Command.Exit(.noInput, "The certificate or the key cannot be read."),
            Command.Exit(.unavailable, "The port is taken, or another origin uses the images."),
            Command.Exit(.internalError), Command.Exit(.osError),
            Command.Exit(.cannotCreate, "The data directory cannot be made."), Command.Exit(.inputOutput),
            Command.Exit(.noPermission), Command.Exit(.configuration),
        ],
        examples: [
            Command.Example("muster origin", "For this machine only, on port 9000."),
            Command.Example(
                "muster origin --images /srv/images --max-age 3600 --join http://127.0.0.1:8080",
                "Images of one's own, listed at a coordinator."),
        ], run: run)

    @MainActor static func run(_ invocation: Invocation) async throws {
        let signals = stopSignals()
        let origin = try await started(configuration(invocation))
        let scheme = invocation[CommonFlags.tlsCert] == nil ? "http" : "https"
        let url = try announce(origin, scheme: scheme, invocation)
        let member = try member(invocation, url)
        let joining = Task {
            do {
                try await member?.run()
            } catch {
                Log.error("the coordinator refused this origin; it serves on", ["reason": "\(error)"])
            }
        }
        for await _ in signals { break }
        Log.notice("stopping; a second signal ends it at once")
        let ending = Task {
            for await _ in signals { exit(ExitCode.temporary.rawValue) }
        }
        joining.cancel()
        await member?.leave()
        await origin.stop()
        ending.cancel()
    }

    /// Throws a `CommandError`.
    static func started(_ configuration: OriginConfiguration) async throws -> Origin {
        try await CoordinatorCommand.translatingErrors {
            let origin = try await Origin(configuration)
            try origin.start()
            return origin
        }
    }

    /// Prints where it listens, and returns that.
    @MainActor private static func announce(
        _ origin: Origin, scheme: String, _ invocation: Invocation
    ) throws -> String {
        let host = invocation[CommonFlags.host]
        let url = "\(scheme)://\(host.contains(":") ? "[\(host)]" : host):\(origin.port)"
        try invocation.out.line("listening on \(url)")
        if origin.tokens.adminIsNew {
            let path = TokenStore.adminPath(in: origin.dataDirectory)
            try invocation.out.line("admin token \(origin.tokens.admin) (kept in \(path))")
        }
        try invocation.out.flush()
        return url
    }

    @MainActor private static func configuration(_ invocation: Invocation) throws -> OriginConfiguration {
        var server = HTTPServer.Configuration()
        server.host = invocation[CommonFlags.host]
        server.port = UInt16(invocation[port])
        server.tlsCertificate = try invocation[CommonFlags.tlsCert].map(CoordinatorCommand.text(of:))
        server.tlsKey = try invocation[CommonFlags.tlsKey].map(CoordinatorCommand.text(of:))
        var configuration = OriginConfiguration(
            dataDirectory: invocation[CommonFlags.data] + "/origin", server: server,
            adminToken: invocation[CoordinatorCommand.token], version: MusterCommand.version)
        configuration.images = invocation[images]
        configuration.imageBytesMax = invocation[imageBytesMax]
        configuration.maxAgeSeconds = invocation[maxAge]
        configuration.makesSamples = !invocation[noSamples]
        configuration.access.isPrivate = invocation[isPrivate]
        return configuration
    }

    /// Lists this origin at the coordinator of `--join`; nil without it.
    @MainActor private static func member(_ invocation: Invocation, _ url: String) throws -> FleetMember? {
        guard let coordinator = invocation[join] else { return nil }
        let token = try WorkerCommand.token(invocation, data: invocation[CommonFlags.data], to: coordinator)
        var configuration = FleetMember.Configuration(
            coordinatorURL: coordinator, token: token, name: "origin", version: MusterCommand.version)
        configuration.role = .origin
        configuration.labels = ["url": invocation[advertise] ?? url]
        configuration.tlsAuthority = invocation[CommonFlags.tlsCA]
        return FleetMember(configuration) { news in
            switch news {
            case .joined(let name, _): Log.info("joined", ["coordinator": coordinator, "name": name])
            case .away(let reason):
                Log.warning("the coordinator is away; trying again", ["coordinator": coordinator, "reason": reason])
            case .ranked, .command: break
            }
        }
    }
}
