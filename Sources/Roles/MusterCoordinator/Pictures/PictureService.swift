internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterKernels
internal import MusterMembership
internal import MusterPictures
internal import MusterRole
internal import MusterRoutes
internal import MusterScheduling
internal import MusterServices
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// `/mandelbrot.png`, `/tiles/…` and the old `/get_mbrot`: one picture each, always the same bytes for the same question. A
/// picture is a transient, interactive job whose strips go to its audience, in order, as they come.
final class PictureService: Service {
    /// Its part of what the lock guards.
    private struct State {
        var renders: [JobID: (render: Render, audience: PictureAudience)] = [:]
        /// When a live worker was last there, as far as a render cares.
        var workersSeenAt = Moment.zero
        var lastJob: Int64

        mutating func newJobID() -> JobID {
            lastJob += 1
            return JobID(lastJob)
        }
    }

    private let lock: FleetLock
    private let slice: Slice<State>
    private let renderWait: Duration
    private let budget = RenderBudget()
    private let shared = SharedPictures()
    private let lengths = PictureLengths()
    /// False at the end: only what is under way is finished.
    private let isTaking = Atomic(true)

    /// `renderWait`: how long a picture waits for a worker that is there and free.
    init(_ common: Common, renderWait: Duration) {
        lock = common.lock
        self.renderWait = renderWait
        // Above all stored jobs, and above those of earlier processes: old tickets fit none of them.
        slice = Slice(State(lastJob: 1 << 51 | SystemTime.wallClockMs()), of: lock)
    }

    var routes: [RouteName: RouteHandler] {
        [
            .picture: { [unowned self] in try getPicture($0) },
            .tile: { [unowned self] in try getTile($0) },
            .getMbrot: { [unowned self] in try classicPicture($0) },
        ]
    }

    func stopTaking() { isTaking.store(false, ordering: .relaxed) }
    var isIdle: Bool { lock.withLock { $0[slice].renders.isEmpty } }

    /// So long a tile's answer waits for all strips. Edges wait longer for an answer's beginning.
    private static let wholeTime: Duration = .seconds(10)
    /// Renders at one time; more are refused with 503.
    static let rendersMax = 256
    /// Bytes of strips, before compression, that one render may have under way.
    private static let windowBytesMax = 32 << 20

    /// Hands a picture to the workers; its audience is answered with it.
    private func render(_ picture: Picture, _ audience: PictureAudience, isTile: Bool = false) {
        guard isTaking.load(ordering: .relaxed) else {
            audience.respond(.problem(Readiness.problem))
            return shared.over(Self.seat(of: picture, isTile), audience, nil)
        }
        let render: Render? = lock.withLock { fleet in
            guard fleet[slice].renders.count < Self.rendersMax else { return nil }
            let render = Render(
                job: fleet[slice].newJobID(), picture: picture, began: SystemTime.now(),
                window: window(of: picture), isTile: isTile, budget: budget)
            fleet[slice].renders[render.job] = (render, audience)
            let record = JobRecord(
                id: render.job, kernel: MandelbrotKernel.name, params: picture.params, count: picture.stripCount,
                priority: .interactive, hasInputs: false, attemptsMax: Limits.attemptsDefault,
                createdMs: SystemTime.wallClockMs(), isDeterministic: MandelbrotKernel.isDeterministic)
            fleet.handle(.work(.transientAdded(record, horizon: render.horizon(after: 0))))
            return render
        }
        guard let render else {
            let detail = "\(Self.rendersMax) pictures are being made already; ask again later."
            audience.respond(.problem(Problem(503, detail, retryAfter: 5, limit: .pictures)))
            return shared.over(Self.seat(of: picture, isTile), audience, nil)
        }
        let job = render.job
        audience.whenAbandoned { [weak self] in self?.cancelRender(job) }
    }

    /// As many strips as memory allows: batches are cut from the window, and short ones cost more way than work.
    private func window(of picture: Picture) -> Int {
        let stripBytes = picture.strip(0).count * (1 + picture.width * picture.bytesPerPixel)
        return max(2, Self.windowBytesMax / stripBytes)
    }

    private func cancelRender(_ job: JobID) {
        lock.handle(.work(.cancelAsked(job, wallClockMs: SystemTime.wallClockMs())))
    }

    /// Strips are there. Small pictures are answered at once; others get a task that sends them in order.
    func produced(_ results: [TransientResult], of job: JobID, _ fleet: inout Fleet) {
        guard let (render, audience) = fleet[slice].renders[job] else { return }
        let hadBegun = render.hasBegun
        render.take(results)
        if let failure = render.failure {
            if !hadBegun { audience.respond(.problem(failure)) }
            // The job may be done by now: nobody else is to join those who were answered so.
            shared.over(Self.seat(of: render.picture, render.isTile), audience, nil)
            Task { cancelRender(job) }
        } else if let file = render.wholeFile() {
            lengths.learn(Self.tag(of: render.picture), file.bytes.count)
            if audience.isShared { shared.over(Self.seat(of: render.picture, render.isTile), audience, file) }
            audience.respond(Self.answer(file, audience.headers))
        } else if !hadBegun, render.hasBegun {
            Task { await send(render, audience) }
        }
    }

    private func send(_ render: Render, _ audience: PictureAudience) async {
        audience.begin()
        do {
            var assembly = PNGAssembly(render.picture)
            var count = assembly.header.count
            try await audience.send(assembly.header)
            while assembly.stripsTaken < render.picture.stripCount {
                var piece: [UInt8] = []
                for strip in try await render.nextStrips() { piece += try assembly.append(strip) }
                count += piece.count
                try await audience.send(piece)
                lock.handle(.work(.horizonMoved(render.job, to: render.horizon(after: assembly.stripsTaken))))
            }
            try await audience.send(assembly.trailer)
            lengths.learn(Self.tag(of: render.picture), count + assembly.trailer.count)
            let file = audience.end(whole: true)
            let made = WholeFile(bytes: file, makers: render.makers)
            if audience.isShared { shared.over(Self.seat(of: render.picture, render.isTile), audience, made) }
        } catch {
            // Cut short, it must not look whole.
            audience.end(whole: false)
            cancelRender(render.job)
        }
    }

    /// The render's job is over: all strips are made, or there will be no more.
    func ended(_ job: JobID, _ jobState: JobState, _ fleet: inout Fleet) {
        guard let (render, audience) = fleet[slice].renders.removeValue(forKey: job), jobState != .done else { return }
        shared.over(Self.seat(of: render.picture, render.isTile), audience, nil)
        render.fail(Problem(503, "The picture was given up.", retryAfter: 5))
    }

    /// Gives up what no worker has been there for, for too long.
    func tick(_ now: Moment, _ fleet: inout Fleet) {
        if fleet[slice].renders.isEmpty { return }
        if fleet.core.membership.hasLiveWorker { fleet[slice].workersSeenAt = now }
        for (render, audience) in fleet[slice].renders.values where now - render.began >= Self.wholeTime {
            if render.hurry() { Task { await send(render, audience) } }
        }
        for (job, (render, audience)) in fleet[slice].renders.sorted(by: { $0.key < $1.key })
        where now - render.began >= renderWait {
            let isNobodyThere = now - fleet[slice].workersSeenAt >= renderWait
            // Pictures go first, but nobody is interrupted for one.
            let isUntouched = fleet.core.scheduler.progress(of: job)?.running == false
            guard isNobodyThere || isUntouched else { continue }
            if !render.hasBegun {
                let wait = "within \(renderWait.inSeconds) s"
                let detail =
                    isNobodyThere
                    ? "No worker was there \(wait); start one and ask again."
                    : "No worker was free \(wait): all of them compute long tasks. Start more, or ask again later."
                audience.respond(.problem(Problem(503, detail, retryAfter: 5)))
            }
            fleet.handle(.work(.cancelAsked(job, wallClockMs: SystemTime.wallClockMs())))
        }
    }

    /// At shutdown: whoever waits for a picture's rest gets a broken transfer.
    func close(_ fleet: inout Fleet) {
        let problem = Problem(503, "This server is stopping.", retryAfter: 5)
        for (render, audience) in fleet[slice].renders.values {
            if !render.hasBegun { audience.respond(.problem(problem)) }
            render.fail(problem)
        }
        fleet[slice].renders = [:]
    }

    // MARK: Routes

    private func getPicture(_ request: HTTPRequest) throws -> HTTPOutcome {
        try answer(request, with: Picture(query: request.query.map { ($0.name, $0.value) }))
    }

    private func getTile(_ request: HTTPRequest) throws -> HTTPOutcome {
        func number(_ name: String) throws(Problem) -> Int {
            let text = request.parameters[name] ?? ""
            guard let number = Int(text), String(number) == text else {
                throw Problem(422, "\"\(name)\" must be a whole number, not \"\(text.prefix(80))\".", code: "field")
            }
            return number
        }
        let query = request.query.map { ($0.name, $0.value) }
        let tile = try Picture.tile(z: number("z"), x: number("x"), y: number("y"), query: query)
        return try answer(request, with: tile, isTile: true)
    }

    /// A picture that the client has already costs nothing, and neither does asking for its headers alone.
    private func answer(
        _ request: HTTPRequest, with picture: Picture, isTile: Bool = false
    ) throws -> HTTPOutcome {
        let headers = Self.pictureHeaders(picture)
        let isKnown = request.header("if-none-match").map { Self.names($0, Self.tag(of: picture)) } ?? false
        if isKnown || request.method == "HEAD" {
            let length = lengths.length(of: Self.tag(of: picture)).map { UInt64($0) }
            return .respond(
                HTTPResponse(status: isKnown ? 304 : 200, headers: headers, body: .lengthOnly(length)))
        }
        let isShareable = Self.isFromEdge(request) && picture.rawBytes <= SharedPictures.pictureBytesMax
        return .hold { [self] held in
            guard isShareable else {
                let audience = PictureAudience(headers: headers, isShared: false)
                _ = audience.join(held)
                return render(picture, audience, isTile: isTile)
            }
            switch shared.join(Self.seat(of: picture, isTile), headers: headers, held) {
            case .made(let file):
                held.respond(Self.answer(file, headers))
            case .joined: break
            case .first(let audience): render(picture, audience, isTile: isTile)
            }
        }
    }

    private static func answer(_ file: WholeFile, _ headers: [(name: String, value: String)]) -> HTTPResponse {
        HTTPResponse(status: 200, headers: file.headers(headers), body: .bytes(file.bytes))
    }

    /// By the name that edges of Muster's give themselves (RFC 8586).
    private static func isFromEdge(_ request: HTTPRequest) -> Bool {
        request.header("cdn-loop")?.contains("muster-edge-") ?? false
    }

    private static func pictureHeaders(_ picture: Picture) -> [(name: String, value: String)] {
        [
            ("Content-Type", "image/png"), ("Cache-Control", "public, max-age=86400"), ("ETag", tag(of: picture)),
            ("Muster-Strips", String(picture.stripCount)),
        ]
    }

    /// A strong validator (RFC 9110, 8.8.3): the question itself, with a number that changes whenever its answer would.
    private static func tag(of picture: Picture) -> String {
        let left = [UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "}")]
        let question = String(decoding: picture.params.filter { !left.contains($0) }, as: UTF8.self)
        return "\"\(Picture.bytesVersion);\(question)\""
    }

    /// Where the same picture is shared; as a tile it tells more.
    private static func seat(of picture: Picture, _ isTile: Bool) -> String {
        tag(of: picture) + (isTile ? "tile" : "")
    }

    private static func names(_ header: String, _ tag: String) -> Bool {
        header == "*" || header == tag || header == "W/" + tag
            || header.split(separator: "\"").contains { $0 == tag.dropFirst().dropLast() }
    }

    /// One vertical strip of a picture, or the whole. `server` and `port` are read and ignored: workers compute it.
    private func classicPicture(_ request: HTTPRequest) throws -> HTTPOutcome {
        let form = try ClassicPictureForm(request.form)
        let picture = try form.picture()
        return .hold { [self] held in
            let audience = PictureAudience(headers: Self.pictureHeaders(picture), isShared: false)
            _ = audience.join(held)
            render(picture, audience)
        }
    }
}
