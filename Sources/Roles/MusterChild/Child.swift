internal import MusterAPI
package import MusterCore
internal import MusterCrypto
internal import MusterHTTPClient
internal import MusterKernels
internal import MusterLaunch
internal import MusterLaunchRules
internal import MusterRole
internal import MusterWire

/// A child's driver: makes its numbers, or has a foreign command make them, and delivers them until they are durable.
package struct Child: Sendable {
    /// Who it is to the coordinator.
    package enum Identity: Sendable {
        /// Launched, with a secret of its own; so many of its numbers are recorded already.
        case launched(ChildID, secret: String, offset: Int)
        /// Started by hand, with the fleet's join token; nil: there is none to show.
        case byHand(token: String?)
    }

    package struct Configuration: Sendable {
        package var coordinatorURL: String
        package var identity: Identity
        package var numbers: Int
        /// Numbers are 1…`range`. Nil: the coordinator's.
        package var range: Int?
        /// Run by `/bin/sh -c`; its lines are the numbers. Nil: they are made here.
        package var command: String?
        package var commandTime: Duration = .seconds(240)
        /// After so long without the coordinator it gives up.
        package var orphanTime: Duration = .seconds(60)
        package var tlsAuthority: String?

        package init(coordinatorURL: String, identity: Identity, numbers: Int, range: Int?) {
            (self.coordinatorURL, self.identity) = (coordinatorURL.withoutTrailingSlashes, identity)
            (self.numbers, self.range) = (numbers, range)
        }
    }

    private let configuration: Configuration
    private let client: HTTPClient

    package init(_ configuration: Configuration) {
        self.configuration = configuration
        client = HTTPClient(HTTPClient.Configuration(tlsCAFile: configuration.tlsAuthority))
    }

    /// Returns once everything is recorded. Throws a `NodeError` when it cannot be.
    package func run() async throws {
        defer { client.close() }
        switch configuration.identity {
        case .launched(let id, let secret, let offset): try await work(id, secret, from: offset)
        case .byHand(let token): try await work(token)
        }
    }

    private var range: Int { configuration.range ?? Limits.numberRangeDefault }

    private func work(_ id: ChildID, _ secret: String, from start: Int) async throws {
        let path = "/v1/children/\(id)/numbers"
        if let command = configuration.command {
            // What the command leaves in the background goes with it.
            Descendants.keep()
            defer { Descendants.end() }
            let found = try await numbers(of: command)
            let report = NumbersReport(
                offset: start, numbers: found.numbers, rejected: found.rejected, isLast: true)
            _ = try await send(report, path, secret)
            return
        }
        var offset = start
        while offset < configuration.numbers {
            let verdict = try await send(part(from: offset, range), path, secret)
            if verdict.isDone { return }
            // Another process of this child may have recorded some: go on behind them.
            offset = verdict.received
        }
    }

    /// Gives up when the coordinator has been away for too long meanwhile: nobody would take them.
    private func numbers(of command: String) async throws -> NumberLines {
        try await withThrowingTaskGroup(of: NumberLines?.self) { group in
            group.addTask { try await ForeignNumbers.run(command, within: configuration.commandTime, range: range) }
            group.addTask { try await awaitOrphanhood() }
            defer { group.cancelAll() }
            while let found = try await group.next() { if let found { return found } }
            throw CancellationError()
        }
    }

    /// Throws once the coordinator has been away for too long. Nil when it was cancelled.
    private func awaitOrphanhood() async throws -> NumberLines? {
        let clock = ContinuousClock()
        var seen = clock.now
        let pause = min(.seconds(2), configuration.orphanTime / 4)
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)
            var request = HTTPClientRequest("GET", configuration.coordinatorURL + "/healthz")
            request.timeout = .seconds(10)
            if (try? await client.send(request)) != nil { seen = clock.now }
            guard clock.now - seen < configuration.orphanTime else {
                throw NodeError(
                    .unavailable,
                    "\(configuration.coordinatorURL) did not answer for \(configuration.orphanTime)")
            }
        }
        return nil
    }

    /// Each part is a child of its own to the coordinator: nobody relaunches what a person started.
    private func work(_ token: String?) async throws {
        let mark = hex(randomBytes(16))
        let range = await coordinatorsRange(token)
        for offset in stride(from: 0, to: configuration.numbers, by: Limits.childReportMax) {
            var report = part(from: offset, range)
            report.offset = 0
            _ = try await send(report, "/v1/children/self", token, key: "\(mark)-\(offset)")
        }
    }

    /// The usual one where the coordinator does not say: it may demand another token for that.
    private func coordinatorsRange(_ token: String?) async -> Int {
        if let range = configuration.range { return range }
        var request = HTTPClientRequest("GET", configuration.coordinatorURL + "/progress")
        if let token { request.headers = [("Authorization", "Bearer " + token)] }
        request.timeout = .seconds(10)
        guard let response = try? await client.send(request), response.status == 200,
            let progress = try? NumbersProgress(body: response.body)
        else { return range }
        return progress.range
    }

    private func part(from offset: Int, _ range: Int) -> NumbersReport {
        let count = min(Limits.childReportMax, configuration.numbers - offset)
        return NumbersReport(
            offset: offset, numbers: RandomNumbers.make(count: count, range: range), rejected: 0,
            isLast: offset + count == configuration.numbers)
    }

    /// Tries until it is answered, or the coordinator has been away for too long.
    private func send(
        _ report: NumbersReport, _ path: String, _ token: String?, key: String? = nil
    ) async throws -> NumbersVerdict {
        var request = HTTPClientRequest("POST", configuration.coordinatorURL + path)
        request.headers = [("Content-Type", "application/json")]
        if let token { request.headers.append(("Authorization", "Bearer " + token)) }
        if let key { request.headers.append(("Idempotency-Key", key)) }
        request.body = report.body
        request.timeout = .seconds(30)
        var backoff = Backoff(cap: .seconds(5))
        var random = SystemRandomNumberGenerator()
        let clock = ContinuousClock()
        let giveUp = clock.now + configuration.orphanTime
        while true {
            var reason: String
            do {
                let response = try await client.send(request)
                if response.status == 200 { return try NumbersVerdict(body: response.body) }
                reason = "\(response.status) \(String(decoding: response.body.prefix(300), as: UTF8.self))"
                if Problem.isFinal(status: response.status, type: Problem(asFarAsRead: response.body).type) {
                    throw NodeError(.refused, "the coordinator refused the numbers: \(reason)")
                }
            } catch let error as HTTPClientError {
                reason = error.message
            }
            guard clock.now < giveUp else {
                throw NodeError(
                    .unavailable,
                    "\(configuration.coordinatorURL) did not take the numbers for \(configuration.orphanTime): \(reason)"
                )
            }
            try await Task.sleep(for: backoff.next(using: &random))
        }
    }
}
