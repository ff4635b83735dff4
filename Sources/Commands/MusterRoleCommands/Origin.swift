internal import Glibc
internal import MusterAPI
internal import MusterClient
package import MusterCommandLine
internal import MusterCore
internal import MusterHTTP
internal import MusterLog
internal import MusterMember
internal import MusterOrigin
internal import MusterRole
internal import MusterRoutes
internal import MusterSystem

/// `muster origin`.
package enum OriginCommand {
    static let port = CommonFlags.port(default: 9000)
    static let images = Flag<String?>.text(
        "images", "DIR", as: .directory, "Where the images are; made if missing, and for one origin at a time."
    ).defaulting(to: "DIR/origin/images, DIR being the data directory")
    static let imageBytesMax = Flag<Int>.int(
        "image-bytes-max", "N", in: 1...1 << 40, default: OriginRoutes.imageBytesMaxDefault,
        "Larger images are refused.")
    static let files = Flag<String?>.text(
        "files", "DIR", as: .directory,
        "Where the files of jobs are, by their SHA-256; made if missing, and for one origin at a time."
    ).defaulting(to: "DIR/origin/files, DIR being the data directory")
    static let filesBytes = Flag<Int>.int(
        "files-bytes", "N", in: 0...1 << 50, default: FileRoutes.filesBytesDefault,
        "Bytes of all files; more are refused until others are dropped. 0: none.")
    static let fileBytesMax = Flag<Int>.int(
        "file-bytes-max", "N", in: 1...1 << 46, default: FileRoutes.fileBytesMaxDefault,
        "Larger files are refused.")
    static let maxAge = Flag<Int>.int(
        "max-age", "SECONDS", in: 0...31_536_000, default: OriginConfiguration.maxAgeDefault,
        "For so long caches may answer with an image before they ask again.")
    static let noSamples = Flag.bool(
        "no-samples", "Start empty: render no sample images at the first start.")
    static let isPrivate = Flag.bool(
        "private", "Demand a token of those who only look at images, too: the read or the join token.")
    static let join = Flag<String?>.text(
        "join", "URL", as: .url, "A coordinator to be listed at, as a member without a rank."
    ).defaulting(to: "none")
    static let advertise = Flag<String?>.text(
        "advertise", "URL", as: .url, "With --join: where others reach this process."
    ).defaulting(to: "the address that it listens on")

    package static let command = Command(
        name: "origin", summary: "store images by number and serve them",
        description: [
            "Runs until SIGINT or SIGTERM, then finishes what is in flight and ends. Prints 'listening on "
                + "URL' once it serves.",
            "PUT /images/7 stores whatever bytes it is sent, under the type they are sent with, and answers when they "
                + "are on disk; GET, HEAD and DELETE do the rest, and /v1/events tells of every change.",
            "PUT /files/SHA256 stores a file of a job's under the SHA-256 of its bytes, for whoever may join the fleet; it is "
                + "dropped an hour after nobody keeps it any more.",
            "At its first start it renders images 1 to 12 itself.",
        ],
        flags: [
            CommonFlags.data.spec, port.spec, CoordinatorCommand.token.spec, images.spec,
            imageBytesMax.spec, files.spec, filesBytes.spec, fileBytesMax.spec, maxAge.spec, noSamples.spec,
            isPrivate.spec, AccessFlags.readToken.spec, join.spec, advertise.spec, WorkerCommand.orphan.spec,
            CommonFlags.tlsCA.spec, CommonFlags.noWebSocket.spec,
        ] + ServerFlags.all + CommonFlags.always,
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
        // Before there are threads that would not inherit it.
        TimeSlice.short()
        let caught = stopSignals(takesHangUp: invocation[CommonFlags.tlsCert] != nil)
        let origin = try await started(configuration(invocation))
        let signals = ServerFlags.rereadingCertificate(at: caught, invocation) {
            try origin.replaceCertificate($0, key: $1)
        }
        let scheme = invocation[CommonFlags.tlsCert] == nil ? "http" : "https"
        let url = try announce(
            scheme: scheme, port: origin.port, tokens: origin.tokens, dataDirectory: origin.dataDirectory, invocation)
        let (drain, finish) = (invocation[ServerFlags.drain], invocation[ServerFlags.finish])
        let listing = try member(
            invocation, role: .origin, name: "origin", [:], url, origin.listing, onTokens: { origin.learn($0) })
        let service = invocation.serviceManager
        try await serve(until: signals, as: listing) {
            service.stopping(within: drain + finish)
            await origin.drain(for: drain)
            await origin.stop(graceSeconds: finish.inSeconds)
        }
    }

    /// Listed at a coordinator, if it is to be, until the first signal, or until it has no coordinator any more; then what it
    /// does is ended, and at the second signal at once.
    static func serve(
        until signals: AsyncStream<Int32>, as listing: Listing?, stop: @Sendable () async -> Void
    ) async throws {
        let ends = AsyncStream<Int32>.makeStream()
        let listening = Task {
            for await signal in signals { ends.continuation.yield(signal) }
        }
        let joining = Task {
            if await listing?.run() == .orphaned { ends.continuation.yield(SIGTERM) }
        }
        var iterator = ends.stream.makeAsyncIterator()
        _ = await iterator.next()
        Log.notice("stopping; a second signal ends it at once")
        let ending = Task {
            for await _ in ends.stream { endProcess(ExitCode.temporary.rawValue) }
        }
        joining.cancel()
        await listing?.member.leave()
        await stop()
        ending.cancel()
        listening.cancel()
    }

    /// Throws a `CommandError`.
    static func started(_ configuration: OriginConfiguration) async throws -> Origin {
        try await CoordinatorCommand.translatingErrors {
            try HTTPServer.check(configuration.server)
            let origin = try await Origin(configuration)
            try origin.start()
            return origin
        }
    }

    /// Prints where a server of this process listens, and returns that.
    @MainActor static func announce(
        scheme: String, port: UInt16, tokens: TokenStore, dataDirectory: String, _ invocation: Invocation
    ) throws -> String {
        let urls = ServerFlags.urls(invocation, scheme: scheme, port: port)
        for url in urls { try invocation.out.line("listening on \(url)") }
        try AccessFlags.tell(tokens, in: dataDirectory, invocation)
        try invocation.out.flush()
        invocation.serviceManager.ready("listening on \(urls.joined(separator: ", "))")
        return urls[0]
    }

    @MainActor private static func configuration(_ invocation: Invocation) throws -> OriginConfiguration {
        let server = try ServerFlags.configuration(invocation, port: invocation[port], name: "origin")
        var configuration = OriginConfiguration(
            dataDirectory: invocation[CommonFlags.data] + "/origin", server: server,
            adminToken: invocation[join] == nil ? invocation[CoordinatorCommand.token] : nil,
            version: MusterVersion.current)
        configuration.readToken = try AccessFlags.readToken(invocation)
        configuration.joinToken = try joinToken(invocation)
        configuration.images = invocation[images]
        configuration.imageBytesMax = invocation[imageBytesMax]
        configuration.files = invocation[files]
        configuration.filesBytesMax = invocation[filesBytes]
        configuration.fileBytesMax = invocation[fileBytesMax]
        configuration.maxAgeSeconds = invocation[maxAge]
        configuration.makesSamples = !invocation[noSamples]
        configuration.access.isPrivate = invocation[isPrivate]
        configuration.isListed = invocation[join] != nil
        return configuration
    }

    /// By which it joins the coordinator of `--join`; nil without that, or where there is none.
    @MainActor static func joinToken(_ invocation: Invocation) throws(CommandError) -> String? {
        guard let coordinator = invocation[join] else { return nil }
        return try WorkerCommand.token(invocation, data: invocation[CommonFlags.data], to: coordinator)
    }

    /// Lists this process at the coordinator of `--join`; nil without it.
    @MainActor static func member(
        _ invocation: Invocation, role: MemberRole, name: String, _ labels: [String: String], _ url: String,
        _ note: ListingNote, onEdges: @escaping @Sendable ([String]) -> Void = { _ in },
        onTokens: @escaping @Sendable (FleetTokenCodes) -> Void
    ) throws -> Listing? {
        guard let coordinator = invocation[join] else { return nil }
        let token = try joinToken(invocation)
        var configuration = FleetMember.Configuration(
            coordinatorURL: coordinator, token: token, name: name, version: MusterVersion.current)
        configuration.role = role
        configuration.labels = labels.merging(["url": invocation[advertise] ?? url]) { own, _ in own }
        configuration.tlsAuthority = invocation[CommonFlags.tlsCA]
        configuration.usesWebSocket = !invocation[CommonFlags.noWebSocket]
        return Listing(
            configuration, orphanTime: invocation[WorkerCommand.orphan], note: note, onEdges: onEdges,
            onTokens: onTokens)
    }
}
