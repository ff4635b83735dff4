package import MusterAPI
internal import MusterCrypto
internal import MusterHTTP
internal import MusterJSON
internal import MusterLog
package import MusterRole
internal import MusterRoutes
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// The origin's driver: image originals by id over HTTP, with a stream of their changes, and the files of the fleet's jobs.
///
/// It begins and ends what its routes share; what may block (a first look at a file, an upload, a deletion) runs on threads of its own.
package final class Origin: Sendable {
    let configuration: OriginConfiguration
    /// At a coordinator.
    package let listing: ListingNote
    let store: ImageStore
    let images: OpenImages
    private let events = EventHub()
    private let threads = ThreadPool(idleMax: 8)
    let reading: ImageReadRoutes
    let writing: ImageWriteRoutes
    let changes: ImageChangeRoutes
    let files: OriginFiles
    private let authenticator: Authenticator
    private let server = Mutex<HTTPServer?>(nil)
    /// False from the moment on in which it was asked to end.
    let readiness = Readiness()
    private let ticking = Mutex<Task<Void, Never>?>(nil)
    package let tokens: TokenStore
    private let fleetTokens: FleetTokens

    /// Takes the folder of the images for itself and reads what is there; at first start it renders samples. Throws a
    /// `NodeError`.
    package init(_ configuration: OriginConfiguration) async throws {
        self.configuration = configuration
        listing = ListingNote(isWanted: configuration.isListed)
        try makeOwnDirectory(configuration.dataDirectory)
        tokens = try TokenStore(
            directory: configuration.dataDirectory, givenAdmin: configuration.adminToken,
            givenRead: configuration.readToken)
        fleetTokens = FleetTokens(joinsWith: configuration.joinToken)
        // It makes no secrets of its own: the key is of no consequence after this process.
        authenticator = Authenticator(
            key: .random(), tokens: tokens, settings: configuration.access, routes: OriginRoutes.all,
            fleetTokens: fleetTokens)
        let (threads, events) = (threads, events)
        let dropping = ImageDropping()
        store = try await threads.perform {
            let store = try ImageStore(path: configuration.imagesPath) { change in
                dropping.images.withLock { $0 }?.drop(change.id)
                var data = JSONWriter()
                change.write(to: &data)
                events.publish("change", data, id: change.version)
            }
            if configuration.makesSamples { try SampleImages.makeWhereNew(store) }
            return store
        }
        images = OpenImages(store.folder, threads: threads)
        dropping.images.withLock { [images] in $0 = images }
        let answers = ImageAnswers(maxAgeSeconds: configuration.maxAgeSeconds)
        reading = ImageReadRoutes(store, images, answers, threads: threads)
        writing = ImageWriteRoutes(store, answers, threads: threads)
        changes = ImageChangeRoutes(store, events)
        files = try await threads.perform { try OriginFiles(configuration, threads: threads) }
    }

    /// Listens. Throws an `HTTPServerError` when the port cannot be had.
    package func start() throws {
        var settings = configuration.server
        settings.limits.descriptorsReserved =
            OpenImages.filesMax + ImageWriteRoutes.uploadsMax
            + FileWriteRoutes.uploadsMax + FileUploads.countMax + 64
        let server = HTTPServer(settings, routes: routes()) { [authenticator] head in
            try authenticator.require(head)
        }
        try server.start()
        self.server.withLock { $0 = server }
        ticking.withLock { $0 = Task { [events, files] in await Self.tickUntilCancelled(events, files) } }
        let figures = store.figures
        Log.info(
            "images",
            [
                "count": "\(figures.images)", "bytes": "\(figures.bytes)", "version": "\(figures.version)",
                "directory": configuration.imagesPath,
            ])
    }

    /// Finishes what is in flight, for so long at most, then lets go of everything.
    package func stop(graceSeconds: Double = 5) async {
        ticking.withLock { $0?.cancel() }
        events.close()
        if let server = server.withLock({ $0 }) { await server.shutdown(graceSeconds: graceSeconds) }
        files.close()
        threads.close()
        store.close()
    }

    /// Says that it is not ready, and goes on answering for so long.
    package func drain(for time: Duration) async {
        await readiness.end(by: time) { server.withLock { $0 }?.windDown() }
    }

    /// Throws an `HTTPServerError` for what does not fit; then nothing changes.
    package func replaceCertificate(_ certificate: String, key: String) throws {
        try server.withLock { $0 }?.replaceCertificate(certificate, key: key)
    }

    /// What the coordinator tells of the fleet's tokens: they are good here from now on.
    package func learn(_ codes: FleetTokenCodes) { fleetTokens.learn(codes) }

    package var port: UInt16 { server.withLock { $0?.port ?? 0 } }
    package var dataDirectory: String { configuration.dataDirectory }
    var serverStatistics: HTTPServer.Statistics? { server.withLock { $0?.statistics } }

    private static func tickUntilCancelled(_ events: EventHub, _ files: OriginFiles) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(10))
            events.keepAlive()
            await files.sweep()
            SystemMemory.giveBack()
        }
    }
}

/// Where the store's changes find the open images, which are made after it.
private final class ImageDropping: Sendable {
    let images = Mutex<OpenImages?>(nil)
}
