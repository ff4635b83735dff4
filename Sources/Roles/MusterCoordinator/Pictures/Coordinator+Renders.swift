internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterKernels
internal import MusterMembership
internal import MusterRole
internal import MusterScheduling
internal import MusterSystem
internal import Synchronization

/// Renders: transient, interactive jobs whose strips go to their audience, in order, as they come.
extension Coordinator {
    /// Renders at one time; more are refused with 503.
    static let rendersMax = 256
    /// Bytes of strips, before compression, that one render may have under way.
    private static let windowBytesMax = 32 << 20

    /// Hands a picture to the workers; its audience is answered with it.
    func render(_ picture: Picture, _ audience: PictureAudience) {
        guard isTakingPictures.load(ordering: .relaxed) else {
            audience.respond(.problem(Readiness.problem))
            return sharedPictures.over(Self.tag(of: picture), audience, nil)
        }
        let render: Render? = lock.withLock { fleet in
            guard fleet[slice].renders.count < Self.rendersMax else { return nil }
            let render = Render(
                job: fleet[slice].newTransientJobID(), picture: picture, began: SystemTime.now(),
                window: window(of: picture), budget: renderBudget)
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
            audience.respond(.problem(Problem(503, detail, retryAfter: 5)))
            return sharedPictures.over(Self.tag(of: picture), audience, nil)
        }
        let job = render.job
        audience.whenAbandoned { [weak self] in self?.cancelRender(job) }
    }

    /// As many strips as memory allows: batches are cut from the window, and short ones cost more way than work.
    private func window(of picture: Picture) -> Int {
        let stripBytes = picture.strip(0).count * (1 + picture.width * picture.bytesPerPixel)
        return max(2, Self.windowBytesMax / stripBytes)
    }

    func cancelRender(_ job: JobID) { lock.handle(.work(.cancelAsked(job, wallClockMs: SystemTime.wallClockMs()))) }

    /// Strips are there. Small pictures are answered at once; others get a task that sends them in order.
    func produced(_ results: [TransientResult], of job: JobID, _ fleet: inout Fleet) {
        guard let (render, audience) = fleet[slice].renders[job] else { return }
        let hadBegun = render.hasBegun
        render.take(results)
        if let failure = render.failure {
            if !hadBegun { audience.respond(.problem(failure)) }
            Task { cancelRender(job) }
        } else if let file = render.wholeFile() {
            pictureLengths.learn(Self.tag(of: render.picture), file.count)
            if audience.isShared { sharedPictures.over(Self.tag(of: render.picture), audience, file) }
            audience.respond(HTTPResponse(status: 200, headers: audience.headers, body: .bytes(file)))
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
            pictureLengths.learn(Self.tag(of: render.picture), count + assembly.trailer.count)
            let file = audience.end(whole: true)
            if audience.isShared { sharedPictures.over(Self.tag(of: render.picture), audience, file) }
        } catch {
            // Cut short, it must not look whole.
            audience.end(whole: false)
            cancelRender(render.job)
        }
    }

    /// The render's job is over: all strips are made, or there will be no more.
    func renderEnded(_ job: JobID, _ jobState: JobState, _ fleet: inout Fleet) {
        guard let (render, audience) = fleet[slice].renders.removeValue(forKey: job), jobState != .done else { return }
        sharedPictures.over(Self.tag(of: render.picture), audience, nil)
        render.fail(Problem(503, "The picture was given up.", retryAfter: 5))
    }

    /// Gives up what no worker has been there for, for too long. Called at each tick.
    func giveUpWaitingRenders(_ now: Moment, _ fleet: inout Fleet) {
        if fleet[slice].renders.isEmpty { return }
        if fleet.core.membership.ranked.contains(where: { $0.record.role == .worker && $0.standing == .alive }) {
            fleet[slice].workersSeenAt = now
        }
        for (job, (render, audience)) in fleet[slice].renders.sorted(by: { $0.key < $1.key })
        where now - render.began >= configuration.renderWait {
            let isNobodyThere = now - fleet[slice].workersSeenAt >= configuration.renderWait
            // Pictures go first, but nobody is interrupted for one.
            let isUntouched = fleet.core.scheduler.progress(of: job)?.running == false
            guard isNobodyThere || isUntouched else { continue }
            if !render.hasBegun {
                let wait = "within \(configuration.renderWait.inSeconds) s"
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
    func giveUpRenders(_ fleet: inout Fleet) {
        let problem = Problem(503, "This server is stopping.", retryAfter: 5)
        for (render, audience) in fleet[slice].renders.values {
            if !render.hasBegun { audience.respond(.problem(problem)) }
            render.fail(problem)
        }
        fleet[slice].renders = [:]
    }
}
