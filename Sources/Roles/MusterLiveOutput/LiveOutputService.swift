internal import MusterAPI
package import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterMembership
package import MusterRole
package import MusterRoutes
internal import MusterScheduling
package import MusterServices
internal import MusterStore
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Where workers hear which jobs somebody follows.
package protocol FollowLines: Sendable {
    /// All that are followed now.
    func tellFollowed(_ jobs: [JobID], _ fleet: inout Fleet)
}

/// What commands print while they run, on its way from workers to who reads it. Nothing of it is stored, and jobs that nobody
/// follows send nothing.
///
/// The book has a lock of its own, which is taken inside the fleet's lock, never around it.
package final class LiveOutputService: Service {
    private struct State {
        var book = LiveBook()
        /// Readers that have read all there is.
        var waiting: [UInt64: CheckedContinuation<Void, Never>] = [:]
        /// Readers for whom something came while they did not wait; nil: they are gone.
        var woken: [UInt64: Bool] = [:]
        /// Of all readers.
        var streams: [UInt64: HTTPStream] = [:]
        var beatAt = SystemTime.now()
    }

    /// A stream on which nothing comes has a blank line so often: what lies between does not cut it, and a reader that is gone without a
    /// word is found out.
    static let beatsEvery: Duration = .seconds(10)

    /// Read at one time for one reader; its stream holds as much again and a piece.
    private static let readBytesMax = 128 << 10

    /// So long after its start the coordinator believes whose leases it does not know.
    private static let afterStart: Duration = .seconds(600)

    private let began = SystemTime.now()
    private let lock: FleetLock
    private let store: any Store
    private let authenticator: Authenticator
    private let callers: Callers
    private let jobs: any JobLooks
    private let lines: any FollowLines
    private let state = Mutex(State())

    package init(_ common: Common, jobs: any JobLooks, lines: any FollowLines) {
        (lock, store, authenticator) = (common.lock, common.store, common.authenticator)
        (callers, self.jobs, self.lines) = (Callers(common), jobs, lines)
    }

    package var routes: [RouteName: RouteHandler] {
        [
            .jobOutput: { [unowned self] in try follow($0) },
            .output: { [unowned self] in try take($0) },
        ]
    }

    package func addMetrics(to page: inout MetricsPage, _ fleet: borrowing Fleet) {
        let book = state.withLock { ($0.book.readersCount, $0.book.bytesKept, $0.book.bytesTaken) }
        page.add("output_readers", "gauge", "Readers of what commands print while they run.", book.0)
        page.add("output_kept_bytes", "gauge", "Bytes of such output in memory.", book.1)
        page.add("output_received_bytes_total", "counter", "Bytes of such output that workers handed on.", book.2)
    }

    /// Readers of jobs that have ended have their end.
    package func tick(_ now: Moment, _ fleet: inout Fleet) {
        keepAlive(now)
        let followed = state.withLock { $0.book.readersCount == 0 ? [] : $0.book.followed }
        let over = followed.filter { jobs.isOpen($0, fleet) == nil }
        guard !over.isEmpty else { return }
        end(over)
        tell(&fleet)
    }

    private func keepAlive(_ now: Moment) {
        let streams: [HTTPStream] = state.withLock { state in
            guard now - state.beatAt >= Self.beatsEvery else { return [] }
            state.beatAt = now
            return Array(state.streams.values)
        }
        for stream in streams where stream.bufferedBytes == 0 { _ = stream.write([0x0A]) }
    }

    package func close(_ fleet: inout Fleet) { end(state.withLock { $0.book.followed }) }

    private func end(_ over: [JobID]) {
        wake { state in over.flatMap { state.book.over($0) } }
    }

    private func tell(_ fleet: inout Fleet) {
        lines.tellFollowed(state.withLock { $0.book.followed }, &fleet)
    }

    // MARK: From workers

    private func take(_ request: HTTPRequest) throws -> HTTPOutcome {
        let member = try callers.sender(of: request)
        if request.isLarge { return .task { try self.take(request.body, from: member) } }
        return .respond(try take(request.body, from: member))
    }

    private func take(_ body: [UInt8], from member: MemberID) throws(Problem) -> HTTPResponse {
        let delivery = try OutputDelivery(body: body)
        let followed = state.withLock { state in delivery.pieces.filter { state.book.isFollowed($0.job) } }
        let own = lock.withLock { fleet in
            let name = fleet.core.membership[member]?.record.name ?? ""
            return followed.filter { speaks(member, for: $0, fleet) }.map { piece in
                var piece = piece
                piece.worker = name
                return piece
            }
        }
        wake { state in own.flatMap { state.book.take($0) } }
        return .json(Success().body)
    }

    /// Whoever has the task. For some minutes a worker of the fleet's own is believed to have still what it was given before the coordinator
    /// was started again, as long as nobody else was given it.
    private func speaks(_ member: MemberID, for piece: OutputPiece, _ fleet: borrowing Fleet) -> Bool {
        if fleet.core.scheduler.holds(member, piece.task, in: piece.job, attempt: piece.attempt) { return true }
        guard SystemTime.now() - began < Self.afterStart, let record = fleet.core.membership[member]?.record,
            record.role == .worker, !record.isVolunteer
        else { return false }
        return !fleet.core.scheduler.isHeld(piece.task, in: piece.job)
    }

    // MARK: To readers

    private func follow(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try jobs.jobID(request)
        let task = try request.queryInt("task", in: 0...Limits.jobTasksMax)
        let mayReadAny = authenticator.lackOfRights(request) == nil
        if lock.withLock({ fleet in jobs.isOpen(id, fleet).map { mayReadAny || $0 } == true }) {
            return .respond(try follow(id, task))
        }
        return .task { [self] in
            try await jobs.requireReadable(id, request)
            guard try await store.job(id) != nil else { throw Problem.noSuchJob(id) }
            return try follow(id, task)
        }
    }

    private func follow(_ id: JobID, _ task: Int?) throws(Problem) -> HTTPResponse {
        let begun = state.withLock { state in
            let begun = state.book.begin(id, only: task)
            if let begun { state.woken[begun.reader] = false }
            return begun
        }
        guard let (reader, isFirst) = begun else {
            throw Problem(
                503, "\(LiveBook.readersMax) readers follow jobs already; ask again later.", retryAfter: 10,
                limit: .outputReaders)
        }
        lock.withLock { fleet in
            if jobs.isOpen(id, fleet) == nil { end([id]) } else if isFirst { tell(&fleet) }
        }
        let stream = HTTPStream(bufferBytesMax: Self.readBytesMax)
        state.withLock { $0.streams[reader] = stream }
        stream.onDisconnect { [weak self] in self?.wake { _ in [reader] } }
        Task { await serve(reader, of: id, stream) }
        return HTTPResponse(
            status: 200, headers: [("Content-Type", "application/x-ndjson"), ("Cache-Control", "no-store")],
            body: .stream(stream))
    }

    /// Until the job ends or the reader goes. One that is slow finds less: only the newest is kept.
    private func serve(_ reader: UInt64, of id: JobID, _ stream: HTTPStream) async {
        while !stream.isClosed {
            let (pieces, isOver) = state.withLock { $0.book.read(reader, of: id, atMost: Self.readBytesMax) }
            if pieces.isEmpty {
                if isOver { break }
                await wait(reader)
                continue
            }
            var text: [UInt8] = []
            for piece in pieces {
                text += piece.body
                text.append(0x0A)
            }
            do { try await stream.send(text) } catch { break }
        }
        stream.finish()
        let isLast = state.withLock { state in
            (state.woken[reader], state.streams[reader]) = (nil, nil)
            return state.book.end(reader, of: id)
        }
        if isLast { lock.withLock { tell(&$0) } }
    }

    private func wait(_ reader: UInt64) async {
        await withCheckedContinuation { continuation in
            let isWoken = state.withLock { state in
                if state.woken[reader] != false {
                    state.woken[reader] = false
                    return true
                }
                state.waiting[reader] = continuation
                return false
            }
            if isWoken { continuation.resume() }
        }
    }

    /// Does something to the book, and wakes the readers that it names.
    private func wake(_ body: (inout State) -> [UInt64]) {
        let continuations = state.withLock { state in
            var found: [CheckedContinuation<Void, Never>] = []
            for reader in body(&state) {
                if let waiting = state.waiting.removeValue(forKey: reader) {
                    found.append(waiting)
                } else if state.woken[reader] != nil {
                    state.woken[reader] = true
                }
            }
            return found
        }
        for continuation in continuations { continuation.resume() }
    }
}
