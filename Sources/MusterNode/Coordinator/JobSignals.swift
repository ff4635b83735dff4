internal import MusterCore
internal import Synchronization

/// Wakes whoever waits for news of a job: streams of results and of events. Waiting costs nothing while nothing happens.
final class JobSignals: Sendable {
    private struct Watched {
        var version: UInt64 = 0
        var watchers = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let watched = Mutex<[JobID: Watched]>([:])

    /// Starts watching; news from now on are not missed. Returns the version to wait beyond.
    func watch(_ id: JobID) -> UInt64 {
        watched.withLock {
            $0[id, default: Watched()].watchers += 1
            return $0[id]!.version
        }
    }

    func unwatch(_ id: JobID) {
        watched.withLock {
            $0[id]?.watchers -= 1
            if $0[id]?.watchers == 0 { $0[id] = nil }
        }
    }

    /// Returns once the job's version is beyond `version`, with the newest one.
    func wait(_ id: JobID, beyond version: UInt64) async -> UInt64 {
        await withCheckedContinuation { continuation in
            let isNews = watched.withLock { watched in
                guard let entry = watched[id], entry.version <= version else { return true }
                watched[id]!.waiters.append(continuation)
                return false
            }
            if isNews { continuation.resume() }
        }
        return watched.withLock { $0[id]?.version ?? version + 1 }
    }

    /// Something new is durable, or the job is over.
    func announce(_ id: JobID) {
        let waiters = watched.withLock { watched in
            guard watched[id] != nil else { return [CheckedContinuation<Void, Never>]() }
            watched[id]!.version += 1
            defer { watched[id]!.waiters = [] }
            return watched[id]!.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
