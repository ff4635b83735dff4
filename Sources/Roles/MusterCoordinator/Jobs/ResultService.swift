internal import MusterAPI
internal import MusterCore
internal import MusterFeeds
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterRole
internal import MusterRoutes
internal import MusterScheduling
internal import MusterServices
internal import MusterStore
internal import MusterWire

/// Streams of results and of a job's events. Each is a task that reads the store and waits for news.
final class ResultService: Service {
    private let lock: FleetLock
    private let store: any Store
    private let authenticator: Authenticator
    private let signals: JobSignals
    private let jobs: any JobLooks

    init(_ common: Common, jobs: any JobLooks, signals: JobSignals) {
        (lock, store, authenticator) = (common.lock, common.store, common.authenticator)
        (self.jobs, self.signals) = (jobs, signals)
    }

    var routes: [RouteName: RouteHandler] {
        [
            .jobResults: { [unowned self] in try streamResults($0) },
            .jobEvents: { [unowned self] in try streamJobEvents($0) },
        ]
    }

    /// What one reader that stands still may hold: so much read from the store, and as much again in its stream.
    private static let readBytesMax = 256 << 10

    private func streamResults(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try jobs.jobID(request)
        let waits = try request.queryBool("wait") ?? false
        let from = try request.queryInt("from", in: 0...Limits.jobTasksMax) ?? 0
        let order = try request.queryChoice("order", ResultOrder.self) ?? .task
        let mayReadAny = authenticator.lackOfRights(request) == nil
        if lock.withLock({ fleet in jobs.isOpen(id, fleet).map { mayReadAny || $0 } == true }) {
            return .respond(resultStream(of: id, from: from, waits: waits, order))
        }
        return .task {
            try await self.jobs.requireReadable(id, request)
            guard try await self.store.job(id) != nil else { throw Problem.noSuchJob(id) }
            return self.resultStream(of: id, from: from, waits: waits, order)
        }
    }

    private func resultStream(of id: JobID, from: Int, waits: Bool, _ order: ResultOrder) -> HTTPResponse {
        let stream = HTTPStream(bufferBytesMax: Self.readBytesMax)
        let feed = ResultFeed(stream, from: from, isInOrder: order == .task)
        let version = signals.watch(id, feed: feed)
        // A job without results needs no look into the store: whatever comes, comes to the feed.
        if waits, from == 0, lock.withLock({ $0.core.scheduler.isUntouched(id) }) {
            signals.goLive(feed, id, at: version)
        }
        Task { await produce(stream) { try await sendResults(of: id, feed, waits: waits, since: version) } }
        return HTTPResponse(status: 200, headers: [("Content-Type", "application/x-ndjson")], body: .stream(stream))
    }

    /// A stream whose producer fails ends broken, never as if it were whole.
    private func produce(_ stream: HTTPStream, _ body: () async throws -> Void) async {
        do {
            try await body()
            stream.finish()
        } catch {
            stream.abort()
        }
    }

    private func sendResults(of id: JobID, _ feed: ResultFeed, waits: Bool, since version: UInt64) async throws {
        var version = version
        defer { signals.unwatch(id, feed: feed) }
        feed.stream.onDisconnect { [signals] in signals.announce(id) }
        while !feed.stream.isClosed {
            // Asked before the store is read: what becomes durable in between is in what is read.
            let isOver = lock.withLock { jobs.isOpen(id, $0) == nil }
            var isAtGap = false
            // Once it is over nothing more is offered: what a live feed was not offered in its turn is in the store.
            if !feed.isInOrder, isOver || !feed.isLive {
                try await sendUnsent(of: id, feed)
            } else if isOver || !feed.isLive {
                isAtGap = try await sendStored(of: id, feed, upToGap: waits && !isOver)
            }
            if isOver || !waits {
                // What was forgotten meanwhile must not look as if this were all of it.
                if isOver, try await store.job(id) == nil { throw Problem.noSuchJob(id) }
                return
            }
            // What is behind the gap was offered already, and will not be again.
            if !isAtGap { signals.goLive(feed, id, at: version) }
            version = await signals.wait(id, beyond: version)
        }
    }

    /// Sends what the store has from the feed's place on; with `upToGap` only as far as nothing is missing, and says whether
    /// there is more behind that.
    private func sendStored(of id: JobID, _ feed: ResultFeed, upToGap: Bool) async throws -> Bool {
        var next = feed.next
        while true {
            let records = try await store.results(of: id, from: next, bytesMax: Self.readBytesMax)
            var lines: [UInt8] = []
            var isAtGap = false
            for record in records {
                isAtGap = upToGap && record.first > next
                if isAtGap { break }
                ResultLines.append(record, next..<Limits.jobTasksMax, to: &lines)
                next = max(next, record.first + record.count)
            }
            if !lines.isEmpty {
                feed.advance(to: next)
                try await feed.stream.send(lines)
            }
            if lines.isEmpty || isAtGap { return isAtGap }
        }
    }

    /// Sends what the store has and the feed has not sent, wherever that is: what was sent is jumped over.
    private func sendUnsent(of id: JobID, _ feed: ResultFeed) async throws {
        var place = 0
        while true {
            place = feed.firstUnsent(from: place)
            let records = try await store.results(of: id, from: place, bytesMax: Self.readBytesMax)
            guard let last = records.last else { return }
            var lines: [UInt8] = []
            for record in records {
                let tasks = record.first..<record.first + record.count
                for part in feed.unsent(of: tasks) { ResultLines.append(record, part, to: &lines) }
                feed.sent(max(tasks.lowerBound, feed.next)..<max(tasks.upperBound, feed.next))
            }
            if !lines.isEmpty { try await feed.stream.send(lines) }
            place = last.first + last.count
        }
    }

    private func streamJobEvents(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try jobs.jobID(request)
        return .task {
            try await self.jobs.requireReadable(id, request)
            guard try await self.jobs.status(of: id) != nil else { throw Problem.noSuchJob(id) }
            let stream = HTTPStream()
            Task { await self.produce(stream) { try await self.sendEvents(of: id, stream) } }
            return .eventStream(stream)
        }
    }

    /// The job's state now, at each change (at most ten times a second), and at its end. What it waits for may change without
    /// news of the job itself.
    private func sendEvents(of id: JobID, _ stream: HTTPStream) async throws {
        var version = signals.watch(id)
        defer { signals.unwatch(id) }
        stream.onDisconnect { [signals] in signals.announce(id) }
        var told: JobStatus?
        while !stream.isClosed {
            guard let status = try await jobs.status(of: id) else { return }
            if told.map({ !$0.isLike(status) }) ?? true {
                var json = JSONWriter()
                status.write(to: &json)
                try await stream.send(ServerSentEvent.bytes("job", id: version, data: json.bytes))
                told = status
            }
            if status.state.isFinal { return }
            let sent = ContinuousClock.now
            version = await signals.wait(id, beyond: version)
            // An end is told at once, other news at their pace.
            if lock.withLock({ jobs.isOpen(id, $0) != nil }) {
                try await Task.sleep(until: sent + .milliseconds(100), clock: .continuous)
            }
        }
    }
}

extension JobStatus {
    /// The same but for the time that went by.
    fileprivate func isLike(_ other: JobStatus) -> Bool {
        var later = self
        later.seconds = other.seconds
        return later == other
    }
}
