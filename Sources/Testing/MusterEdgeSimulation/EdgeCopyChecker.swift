internal import MusterCore
internal import MusterElection
internal import MusterSimulation

/// Watches what edges store and serve, from outside.
final class EdgeCopyChecker {
    private let clock: SimClock
    private let fail: (String) -> Void
    /// Purges by term and number: of which image, and since when.
    private var purges: [Term: [UInt64: (image: Int64, since: Moment)]] = [:]
    /// By edge and image: the beginning of the latest purge that was confirmed.
    private var confirmations: [EdgeID: [Int64: Moment]] = [:]
    /// By edge and image: the newest change that it was told of, on its present disk.
    private var changes: [EdgeID: [Int64: UInt64]] = [:]
    private(set) var stored = 0
    private(set) var servings = 0
    private(set) var confirmed = 0
    /// Purges that began while a copy of the same image was on its way.
    private(set) var races = 0

    init(_ clock: SimClock, _ fail: @escaping (String) -> Void) { (self.clock, self.fail) = (clock, fail) }

    func lostDisk(_ id: EdgeID) { (changes[id], confirmations[id]) = (nil, nil) }

    func told(_ replica: EdgeReplica, _ change: EdgeOrigin.Change) {
        changes[replica.id, default: [:]][change.image, default: 0] = max(
            change.version, changes[replica.id]?[change.image] ?? 0)
    }

    func stores(_ copy: EdgeReplica.Held, over old: EdgeReplica.Held?, _ image: Int64, at replica: EdgeReplica) {
        stored += 1
        if let old, old.version > copy.version {
            fail("edge \(replica.id) replaces version \(old.version) of image \(image) by \(copy.version)")
        }
        let told = changes[replica.id]?[image] ?? 0
        if copy.version < told {
            fail("edge \(replica.id) stores version \(copy.version) of image \(image), but was told of \(told)")
        }
    }

    func served(_ copy: EdgeReplica.Held, _ image: Int64, by replica: EdgeReplica) {
        servings += 1
        check(copy, image, of: replica.id, "serves")
    }

    private func check(_ copy: EdgeReplica.Held, _ image: Int64, of id: EdgeID, _ verb: String) {
        guard let since = confirmations[id]?[image], copy.fetched < since else { return }
        fail("edge \(id) \(verb) image \(image) of \(copy.fetched), but confirmed its purge of \(since)")
    }

    func issued(_ purge: Purge, _ image: Int64, by replica: EdgeReplica) {
        purges[purge.term, default: [:]][purge.number] = (image, clock.now)
    }

    func raced() { races += 1 }

    func confirmed(_ purge: Purge, by id: EdgeID) {
        guard let (image, since) = purges[purge.term]?[purge.number] else { return }
        confirmed += 1
        confirmations[id, default: [:]][image] = max(since, confirmations[id]?[image] ?? .zero)
    }

    /// At rest: nothing is outdated, and what any edge remembers as purged is gone everywhere.
    func checkEnd(_ replicas: [EdgeReplica], _ origin: EdgeOrigin) {
        for replica in replicas {
            for (image, copy) in replica.held.sorted(by: { $0.key < $1.key }) {
                let current = origin.versionNow(of: image)
                if copy.version != current {
                    fail("edge \(replica.id) ends with version \(copy.version) of image \(image), not \(current ?? 0)")
                }
                check(copy, image, of: replica.id, "keeps")
            }
            checkPurged(replica, by: replicas)
        }
    }

    private func checkPurged(_ replica: EdgeReplica, by replicas: [EdgeReplica]) {
        if replica.log.digest != replicas[0].log.digest {
            fail("edge \(replica.id) remembers other purges than others")
        }
        for purge in replica.log.purges {
            guard let (image, since) = purges[purge.term]?[purge.number] else { continue }
            for other in replicas where other.held[image].map({ $0.fetched < since }) == true {
                fail("edge \(other.id) ends with image \(image), which edge \(replica.id) knows to be purged since")
            }
        }
    }
}
