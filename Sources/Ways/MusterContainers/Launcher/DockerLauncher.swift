internal import MusterCore
package import MusterLaunch
internal import MusterLog
internal import Synchronization

/// Launches containers through an engine's API, one for each name. Labels say whose they are, so that the next coordinator finds
/// them; containers without these labels are never touched.
///
/// Ends are told by the engine's stream of events. Whenever that begins anew, a list of what there is takes up what was missed:
/// an engine that restarts, or a coordinator that was away, loses nothing. An ended container is removed once its end was looked at.
package final class DockerLauncher: Launcher {
    /// What is asked of a container that ended, before it is removed and its end is told. Asked again, by this coordinator or the
    /// next, until it returns.
    package typealias EndHandler = @Sendable (_ name: String, _ end: ContainerEnd) async throws -> Void

    enum Phase: Hashable {
        /// Being made or started; maybe ended already.
        case arriving(exitCode: Int?)
        case alive
        /// Its end is being looked at, and it is removed.
        case ending
    }

    struct Running {
        var id: String?
        var phase: Phase
        /// Stopped as soon as it has been started.
        var stopWithin: Duration?
    }

    struct State {
        var running: [String: Running] = [:]
        /// Ended, told, and on their way out.
        var removals: [String: Task<Void, Never>] = [:]
        var handler: (@Sendable (LaunchExit) -> Void)?
        /// Ends that nobody listened to yet.
        var untold: [LaunchExit] = []
        var findHandler: (@Sendable (String) -> Void)?
        /// What was found, and nobody listened to yet.
        var unheard: [String] = []
        var endHandler: EndHandler?
        var isAdopted = false
    }

    let engine: EngineClient
    let watch: EngineWatch
    private let placed: Mutex<ContainerTemplate>
    let state = Mutex(State())

    package init(engine: EngineClient, template: ContainerTemplate) {
        self.engine = engine
        watch = EngineWatch(of: engine)
        placed = Mutex(template)
    }

    var template: ContainerTemplate { placed.withLock { $0 } }

    /// Changes what containers have in common, of those that are launched from now on. Whose they are stays.
    package func place(_ change: (inout ContainerTemplate) -> Void) { placed.withLock { change(&$0) } }

    /// Why nothing can be launched now: the engine is away. Nil: as far as is known, it is there.
    package func defect(of name: String) -> LaunchError? { watch.away?.launchError }

    package func onExit(_ handler: @escaping @Sendable (LaunchExit) -> Void) {
        let untold = state.withLock { state in
            state.handler = handler
            defer { state.untold = [] }
            return state.untold
        }
        for exit in untold { handler(exit) }
    }

    package func onFind(_ handler: @escaping @Sendable (String) -> Void) {
        let unheard = state.withLock { state in
            state.findHandler = handler
            defer { state.unheard = [] }
            return state.unheard
        }
        for name in unheard { handler(name) }
    }

    func tellFound(_ names: [String]) {
        let handler = state.withLock { state in
            if state.findHandler == nil { state.unheard += names }
            return state.findHandler
        }
        for name in names { handler?(name) }
    }

    /// Before anything is launched or adopted.
    package func beforeEnd(_ handler: @escaping EndHandler) { state.withLock { $0.endHandler = handler } }

    // MARK: Launching

    package func launch(_ spec: LaunchSpec) async throws(LaunchError) {
        // Nobody knows yet what runs.
        if !state.withLock({ $0.isAdopted }) {
            do throws(EngineError) { try await takeUp() } catch { throw error.launchError }
            watch.begin(template.labelFilter, for: self)
        }
        let removal = state.withLock { state -> Task<Void, Never>?? in
            guard state.running[spec.name] == nil else { return nil }
            state.running[spec.name] = Running(phase: .arriving(exitCode: nil))
            return .some(state.removals[spec.name])
        }
        guard let removal else { return }
        await removal?.value
        watch.begin(template.labelFilter, for: self)
        let isFound: Bool
        do throws(EngineError) {
            isFound = try await start(spec)
        } catch {
            state.withLock { $0.running[spec.name] = nil }
            throw error.launchError
        }
        if isFound { tellFound([spec.name]) }
        arrived(spec.name)
    }

    /// True: it runs already, and may have work.
    private func start(_ spec: LaunchSpec) async throws(EngineError) -> Bool {
        let (id, isFound) = try await create(spec)
        state.withLock { $0.running[spec.name]?.id = id }
        if isFound { return true }
        do throws(EngineError) {
            try await engine.start(id)
        } catch {
            try? await engine.remove(id)
            throw error
        }
        return false
    }

    /// A container of ours that has the name already and runs is taken up, as an earlier coordinator launched it while the engine could not be
    /// asked; another is what an earlier launch left half done.
    private func create(_ spec: LaunchSpec) async throws(EngineError) -> (id: String, isFound: Bool) {
        let container = template.container(spec)
        let name = template.containerName(spec.name)
        do throws(EngineError) {
            return (try await engine.create(container, name: name), false)
        } catch {
            // Which status says that a name is taken is each engine's own.
            guard error.code == .conflict || error.code == .refused, let other = try await engine.inspect(name) else {
                throw error
            }
            guard template.owns(other.labels) else {
                throw EngineError(
                    .conflict, "a container that is not Muster's has the name \(name): rename or remove it",
                    isRetryable: true)
            }
            if other.lives, let id = other.id { return (id, true) }
            try await engine.remove(name)
            return (try await engine.create(container, name: name), false)
        }
    }

    private func arrived(_ name: String) {
        let before = state.withLock { state in
            defer { state.running[name]?.phase = .alive }
            return state.running[name]
        }
        guard let before, let id = before.id else { return }
        if case .arriving(let exitCode?) = before.phase {
            died(name, id, exitCode)
        } else if let grace = before.stopWithin {
            stop(name, grace: grace)
        }
    }

    // MARK: Ending

    package func stop(_ name: String, grace: Duration) {
        let id: String? = state.withLock { state in
            guard let running = state.running[name] else { return nil }
            if case .arriving = running.phase {
                state.running[name]!.stopWithin = grace
                return nil
            }
            return running.phase == .alive ? running.id : nil
        }
        guard let id else { return }
        Task { [weak self] in
            if grace > .zero {
                await self?.signal(name, id, "SIGTERM")
                try? await Task.sleep(for: grace)
            }
            await self?.signal(name, id, "SIGKILL")
        }
    }

    /// Until it got there: while the engine is away nothing can be stopped.
    private func signal(_ name: String, _ id: String, _ signal: String) async {
        var backoff = Backoff(cap: .seconds(5))
        var random = SystemRandomNumberGenerator()
        while state.withLock({ $0.running[name].map { $0.id == id && $0.phase == .alive } ?? false }) {
            do throws(EngineError) {
                try await engine.kill(id, signal: signal)
                return
            } catch {
                guard error.isRetryable else {
                    Log.warning("a container cannot be stopped", ["name": name, "reason": error.message])
                    return
                }
            }
            try? await Task.sleep(for: backoff.next(using: &random))
        }
    }

    package func killAll() {
        let ids = state.withLock { $0.running.values.compactMap { $0.phase == .ending ? nil : $0.id } }
        let counter = Countdown(ids.count)
        for id in ids { engine.send("DELETE", "/containers/\(id)?force=1&v=1") { counter.countDown() } }
        counter.wait(milliseconds: 5_000)
    }

    /// Tells of the end once; several may have seen it.
    func died(_ name: String, _ id: String, _ exitCode: Int?) {
        let isFirst = state.withLock { state in
            guard let running = state.running[name], running.id == id else { return false }
            switch running.phase {
            case .ending: return false
            case .arriving:
                state.running[name]!.phase = .arriving(exitCode: exitCode ?? -1)
                return false
            case .alive:
                state.running[name]!.phase = .ending
                return true
            }
        }
        if isFirst { Task { [weak self] in await self?.finish(name, id, exitCode) } }
    }

    private func finish(_ name: String, _ id: String, _ exitCode: Int?) async {
        let reason = exitCode == 0 ? "exit code 0" : await self.reason(id, exitCode)
        if let handler = state.withLock({ $0.endHandler }) {
            await hand(ContainerEnd(id: id, exitCode: exitCode, engine: engine), of: name, to: handler)
        }
        let exit = LaunchExit(name: name, reason: reason)
        let told = state.withLock { state in
            state.running[name] = nil
            state.removals[name] = Task { [weak self] in await self?.remove(name, id) }
            if state.handler == nil { state.untold.append(exit) }
            return state.handler
        }
        told?(exit)
    }

    private func hand(_ end: ContainerEnd, of name: String, to handler: EndHandler) async {
        var backoff = Backoff(cap: .seconds(5))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20 {
            do {
                return try await handler(name, end)
            } catch {
                Log.warning("an ended container cannot be read", ["name": name, "reason": "\(error)"])
                if let error = error as? EngineError, !error.isRetryable { return }
            }
            try? await Task.sleep(for: backoff.next(using: &random))
        }
    }

    private func remove(_ name: String, _ id: String) async {
        do throws(EngineError) {
            try await engine.remove(id)
        } catch {
            // Found again as ended when the engine is back, or by the next coordinator.
            Log.info("a container stays for now", ["name": name, "reason": error.message])
        }
        state.withLock { $0.removals[name] = nil }
    }

    /// Why it ended: its code, whether memory ran out, and what it said last.
    private func reason(_ id: String, _ exitCode: Int?) async -> String {
        guard let exitCode else { return "its container was removed" }
        var parts = [exitCode > 128 && exitCode < 192 ? "signal \(exitCode - 128)" : "exit code \(exitCode)"]
        if let seen = try? await engine.inspect(id), let words = try? await engine.kind().memoryWords(of: seen) {
            parts.append("\(words) at \(template.limits.memoryBytes) bytes (--container-memory)")
        }
        let words = (try? await ContainerEnd(id: id, exitCode: exitCode, engine: engine).lastWords()) ?? ""
        if !words.isEmpty { parts.append(words) }
        return parts.joined(separator: ": ")
    }
}
