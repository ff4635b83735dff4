package import MusterLaunch
internal import Synchronization

/// What the engine has, from lists.
extension DockerLauncher: EngineListener {
    package func adopt(expecting environment: [String: String]) async throws(LaunchError) -> [String] {
        if state.withLock({ $0.isAdopted }) {
            // With those on their way out, so that whoever waits for the end waits for them too.
            return state.withLock { Set($0.running.keys).union($0.removals.keys).sorted() }
        }
        // Once the engine is back, what runs is taken up all the same.
        defer { watch.begin(template.labelFilter, for: self) }
        do throws(EngineError) {
            let found = try await takenUp()
            state.withLock { $0.isAdopted = true }
            if !environment.isEmpty { try await stopStrangers(among: found, expecting: environment) }
            // Some may be over by now; their ends are told.
            return found
        } catch {
            watch.isAway(error)
            throw error.launchError
        }
    }

    /// What was told of another coordinator's address is of no use.
    private func stopStrangers(
        among names: [String], expecting environment: [String: String]
    ) async throws(EngineError) {
        guard template.kind == .muster else { return }
        for name in names {
            guard let id = state.withLock({ $0.running[name]?.id }), let seen = try await engine.inspect(id) else {
                continue
            }
            if !LaunchSpec.isTold(environment, by: Array(seen.environment)) { stop(name, grace: .zero) }
        }
    }

    /// What another coordinator's address was told to ends by itself, as an orphan.
    func takeUp() async throws(EngineError) {
        let found = try await takenUp()
        state.withLock { $0.isAdopted = true }
        tellFound(found)
    }

    /// Compares what there is with what is known: takes up what runs, ends what has ended, removes what is left over. The names
    /// of what was taken up.
    private func takenUp() async throws(EngineError) -> [String] {
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
