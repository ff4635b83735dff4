internal import MusterAPI
internal import MusterHTTPClient
package import MusterLaunch
internal import MusterLog
internal import MusterScheduling
internal import Synchronization

/// What the engine has, from lists and from its stream of events.
extension DockerLauncher {
    /// A list is looked at this often too, for a stream that died without a word.
    private static let lookAgain: Duration = .seconds(15)
    /// What engines call the end of a container where they are asked for it. Podman tells it as `die`, as Docker does, and
    /// filters it as `died`; either passes over the other's word.
    private static let endEvents = ["die", "died"]
    /// Of one event.
    private static let eventBytesMax = 256 << 10

    package func adopt(expecting environment: [String: String]) async throws(LaunchError) -> [String] {
        if state.withLock({ $0.isAdopted }) {
            // With those on their way out, so that whoever waits for the end waits for them too.
            return state.withLock { Set($0.running.keys).union($0.removals.keys).sorted() }
        }
        // Once the engine is back, what runs is taken up all the same.
        defer { watch() }
        do throws(EngineError) {
            let found = try await takeUp()
            state.withLock { $0.isAdopted = true }
            if !environment.isEmpty { try await stopStrangers(among: found, expecting: environment) }
            // Some may be over by now; their ends are told.
            return found
        } catch {
            isAway(error)
            throw error.launchError
        }
    }

    /// What was told of another coordinator's address is of no use.
    private func stopStrangers(
        among names: [String], expecting environment: [String: String]
    ) async throws(EngineError) {
        guard template.kind == .muster else { return }
        let wanted = environment.map { "\($0.key)=\($0.value)" }
        for name in names {
            guard let id = state.withLock({ $0.running[name]?.id }), let seen = try await engine.inspect(id) else {
                continue
            }
            if !wanted.allSatisfy(seen.environment.contains) { stop(name, grace: .zero) }
        }
    }

    /// Begins to listen, once.
    func watch() {
        state.withLock { state in
            guard state.watch == nil else { return }
            let reference = Reference(launcher: self)
            state.watch = Task { [engine, labels = template.labelFilter] in
                var backoff = Backoff(base: .milliseconds(100), cap: .seconds(2))
                var random = SystemRandomNumberGenerator()
                while !Task.isCancelled {
                    do {
                        try await Self.listen(engine, labels, reference) {
                            backoff.reset()
                            reference.launcher?.state.withLock { $0.away = nil }
                        }
                    } catch {
                        reference.launcher?.isAway(error as? EngineError)
                        Log.warning("the container engine is away", ["reason": "\(error)"])
                    }
                    guard reference.launcher != nil else { return }
                    try? await Task.sleep(for: backoff.next(using: &random))
                }
            }
        }
    }

    private func isAway(_ error: EngineError?) {
        // What was given up says nothing of the engine.
        guard let error, error.code != .cancelled else { return }
        state.withLock { $0.away = error }
    }

    /// The launcher is held only for moments, so that it can go.
    private struct Reference: Sendable { weak let launcher: DockerLauncher? }

    /// Returns when the stream ends.
    private static func listen(
        _ engine: EngineClient, _ labels: [String], _ reference: Reference, isHeard: () -> Void
    ) async throws {
        let filters = EngineClient.filters([("type", ["container"]), ("event", endEvents), ("label", labels)])
        let stream = try await engine.stream("/events", [("filters", filters)])
        isHeard()
        _ = try await reference.launcher?.takeUp()
        let looks = Task {
            while !Task.isCancelled {
                try? await Task.sleep(for: lookAgain)
                // A list that does not come means a stream that is not to be trusted.
                do { _ = try await reference.launcher?.takeUp() } catch { return stream.cancel() }
                if reference.launcher == nil { return stream.cancel() }
            }
        }
        defer { looks.cancel() }
        var line: [UInt8] = []
        while let bytes = try await stream.next() {
            for byte in bytes {
                guard byte == UInt8(ascii: "\n") else {
                    line.append(byte)
                    continue
                }
                reference.launcher?.take(event: line)
                line.removeAll(keepingCapacity: true)
            }
            guard line.count <= eventBytesMax else { throw EngineError(.badAnswer, "an event without an end") }
        }
    }

    private func take(event line: [UInt8]) {
        guard let json = try? JSONValue(parsing: line), let actor = json["Actor"], let id = actor["ID"]?.string,
            let attributes = actor["Attributes"]?.strings, let name = attributes[ContainerTemplate.nameLabel]
        else { return }
        died(name, id, attributes["exitCode"].flatMap { Int($0) })
    }

    /// Compares what there is with what is known: takes up what runs, ends what has ended, removes what is left over. The names
    /// of what was taken up.
    @discardableResult
    func takeUp() async throws(EngineError) -> [String] {
        // What is made while the list is, may be missing in it.
        let before = state.withLock { state in
            state.running.filter { $0.value.phase == .alive }.compactMapValues(\.id)
        }
        let listed = try await engine.list(labels: template.labelFilter)
        var found: [String] = []
        for container in listed {
            guard let name = container.labels[ContainerTemplate.nameLabel] else { continue }
            if take(container, name) { found.append(name) }
        }
        let ids = Set(listed.map(\.id))
        for (name, id) in before where !ids.contains(id) { died(name, id, nil) }
        for container in listed where !container.isRunning && !container.isNew {
            guard let name = container.labels[ContainerTemplate.nameLabel] else { continue }
            let isKnown = state.withLock { $0.running[name]?.id == container.id && $0.running[name]?.phase == .alive }
            if isKnown { died(name, container.id, try await engine.inspect(container.id)?.exitCode) }
        }
        return found
    }

    /// True: it was not known, and is from now on.
    private func take(_ container: ListedContainer, _ name: String) -> Bool {
        let (isTaken, isLeftOver) = state.withLock { state -> (Bool, Bool) in
            if state.running[name] != nil || state.removals[name] != nil { return (false, false) }
            // An ended one of ours says nothing any more; a foreign one has its numbers still to be read.
            let isOfUse = container.isRunning || (template.kind == .foreign && !container.isNew)
            if isOfUse { state.running[name] = Running(id: container.id, phase: .alive) }
            return (isOfUse, !isOfUse)
        }
        if isLeftOver {
            state.withLock { state in
                state.removals[name] = Task { [weak self] in await self?.discard(name, container.id) }
            }
        }
        return isTaken
    }

    private func discard(_ name: String, _ id: String) async {
        try? await engine.remove(id)
        state.withLock { $0.removals[name] = nil }
    }
}
