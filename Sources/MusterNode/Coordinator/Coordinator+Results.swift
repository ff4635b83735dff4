internal import MusterAPI
internal import MusterCore
internal import MusterHTTP
internal import MusterStore
internal import Synchronization

/// Streams of results and of a job's events. Each is a task that reads the store and waits for news.
extension Coordinator {
    private static let readBytesMax = 1 << 20

    func streamResults(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = JobID(try request.number("id", of: "job"))
        let waits = try request.queryBool("wait") ?? false
        let from = try request.queryInt("from", in: 0...Limits.jobTasksMax) ?? 0
        return .task {
            guard try await self.status(of: id) != nil else { throw Self.noSuchJob(id) }
            let stream = HTTPStream(bufferBytesMax: 4 << 20)
            Task { await self.produce(stream) { try await self.sendResults(of: id, from: from, waits: waits, stream) } }
            return HTTPResponse(
                status: 200, headers: [("Content-Type", "application/x-ndjson")], body: .stream(stream))
        }
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

    private func sendResults(of id: JobID, from: Int, waits: Bool, _ stream: HTTPStream) async throws {
        var version = signals.watch(id)
        defer { signals.unwatch(id) }
        stream.onDisconnect { [signals] in signals.announce(id) }
        var next = from
        while !stream.isClosed {
            // Asked before the store is read: what becomes durable in between is in what is read.
            let isOver = state.withLock { $0.records[id] == nil }
            next = try await sendResults(of: id, from: next, upToGap: waits && !isOver, stream)
            if isOver || !waits { return }
            version = await signals.wait(id, beyond: version)
        }
    }

    /// Sends what the store has from a task on; with `upToGap` only as far as nothing is missing. Returns the next task.
    private func sendResults(
        of id: JobID, from: Int, upToGap: Bool, _ stream: HTTPStream
    ) async throws -> Int {
        var next = from
        while true {
            let records = try await store.results(of: id, from: next, bytesMax: Self.readBytesMax)
            if records.isEmpty { return next }
            var lines: [UInt8] = []
            for record in records {
                if upToGap && record.first > next { break }
                ResultLines.append(record, next..<Limits.jobTasksMax, to: &lines)
                next = max(next, record.first + record.count)
            }
            if lines.isEmpty { return next }
            try await stream.send(lines)
        }
    }

    func streamJobEvents(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = JobID(try request.number("id", of: "job"))
        return .task {
            guard try await self.status(of: id) != nil else { throw Self.noSuchJob(id) }
            let stream = HTTPStream()
            Task { await self.produce(stream) { try await self.sendEvents(of: id, stream) } }
            return .eventStream(stream)
        }
    }

    /// The job's state now, at each change (at most ten times a second), and at its end.
    private func sendEvents(of id: JobID, _ stream: HTTPStream) async throws {
        var version = signals.watch(id)
        defer { signals.unwatch(id) }
        stream.onDisconnect { [signals] in signals.announce(id) }
        while !stream.isClosed {
            guard let status = try await status(of: id) else { return }
            var json = JSONWriter()
            status.write(to: &json)
            try await stream.send(ServerSentEvent.bytes("job", id: version, data: json.bytes))
            if status.state.isFinal { return }
            try await Task.sleep(for: .milliseconds(100))
            version = await signals.wait(id, beyond: version)
        }
    }
}
