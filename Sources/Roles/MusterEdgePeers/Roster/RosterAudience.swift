internal import MusterCore
internal import MusterElection

/// What follows from who leads and who there is. Told in order, under the roster's lock: nothing here waits or calls back.
protocol RosterAudience: Sendable {
    /// Of the purges that are known here.
    var digest: UInt64 { get }
    /// Before anything else of a tick. `isLate`: this process was frozen.
    func ticked(_ standing: Standing, _ now: Moment, isLate: Bool)
    func changed(_ standing: Standing)
    /// After `changed`: another leads now, or nobody is known to.
    func leaderChanged(_ standing: Standing)
    /// The digest of what another edge knows of purges.
    func heard(_ digest: UInt64, from id: EdgeID)
    /// It has heard that this edge leads.
    func acknowledged(by id: EdgeID)
    func forgot(_ id: EdgeID)
    /// All that came in was handled. `again` is called later, when there may be more to see to.
    func settled(_ standing: Standing, again: @escaping @Sendable () -> Void)
    /// At the end of a tick.
    func tell()
    /// Takes over what the leader has; under no lock, until it is cancelled or done.
    func catchUp(from url: String, _ leader: EdgeID) async
}
