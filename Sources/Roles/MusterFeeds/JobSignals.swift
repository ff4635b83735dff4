package import MusterCore
internal import MusterHTTP
internal import Synchronization

/// Wakes whoever waits for news of a job: streams of results and of events. Waiting for results costs nothing while
/// nothing happens; who watches a job's state looks once a second, as what it waits for may change.
package final class JobSignals: Sendable {
    private struct Watched {
        var version: UInt64 = 0
        var watchers = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
        var feeds: [ObjectIdentifier: ResultFeed] = [:]
    }
    private let watched = Mutex<[JobID: Watched]>([:])

    package init() {}

    /// Starts watching; news from now on are not missed. Returns the version to wait beyond.
    package func watch(_ id: JobID, feed: ResultFeed? = nil) -> UInt64 {
        watched.withLock {
            $0[id, default: Watched()].watchers += 1
            if let feed { $0[id]!.feeds[ObjectIdentifier(feed)] = feed }
            return $0[id]!.version
        }
    }

    package func unwatch(_ id: JobID, feed: ResultFeed? = nil) {
        watched.withLock {
            if let feed { $0[id]?.feeds[ObjectIdentifier(feed)] = nil }
            $0[id]?.watchers -= 1
            if $0[id]?.watchers == 0 { $0[id] = nil }
        }
    }

    /// Makes a feed live if nothing happened since `version`, when its task last looked.
    package func goLive(_ feed: ResultFeed, _ id: JobID, at version: UInt64) {
        watched.withLock { if $0[id]?.version == version { feed.goLive() } }
    }

    /// Returns once the job's version is beyond `version`, with the newest one.
    package func wait(_ id: JobID, beyond version: UInt64) async -> UInt64 {
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

    /// These records are durable: live feeds take them at once. `announce` follows when the core knows too.
    package func offer(_ records: [ResultRecord], of id: JobID) {
        watched.withLock { watched in
            guard watched[id] != nil else { return }
            watched[id]!.version += 1
            for feed in watched[id]!.feeds.values { feed.offer(records) }
        }
    }

    /// The job is over.
    package func announceEnd(_ id: JobID, count: Int) {
        wake(id) { entry in
            for feed in entry.feeds.values { _ = feed.end(count: count) }
            return true
        }
    }

    /// Something may have changed for every job that somebody watches the state of.
    package func announceStates() {
        for id in watched.withLock({ watched in watched.filter { $0.value.feeds.count < $0.value.watchers }.map(\.key) }
        ) {
            announce(id)
        }
    }

    /// Something that a watcher should look at. Feeds that are live need nobody to look for them.
    package func announce(_ id: JobID) {
        wake(id) { entry in
            entry.feeds.count < entry.watchers
                || !entry.feeds.values.allSatisfy { $0.isLive && !$0.stream.isClosed }
        }
    }

    private func wake(_ id: JobID, if isNeeded: (Watched) -> Bool) {
        let waiters = watched.withLock { watched in
            guard let entry = watched[id] else { return [CheckedContinuation<Void, Never>]() }
            watched[id]!.version += 1
            guard isNeeded(entry) else { return [] }
            defer { watched[id]!.waiters = [] }
            return entry.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
