package import MusterElection

/// What edges among themselves ask of the cache at one of them. Nothing here may wait but `purge`.
package protocol PeerCache: Sendable {
    /// What is stored of this target for all who ask, while it is fresh. Nil: nothing.
    func copy(of target: String) -> Copy?
    /// What others may take, the latest used first.
    func recentCopies(_ countMax: Int) -> [Copy]
    /// Whether more would soon push out what is here.
    var isHalfFull: Bool { get }
    /// Fetches a target from the upstream for everybody; `done` is called at the end. False: that is under way already.
    func warm(_ target: String, _ done: @escaping @Sendable () -> Void) -> Bool
    /// Takes over another edge's copy. `done` is told whether it was refused for now: its giver is behind the origin. False: the
    /// target is being fetched already.
    func take(_ target: String, from url: String, _ done: @escaping @Sendable (_ isEarly: Bool) -> Void) -> Bool
    /// Forgets what is stored, and lets nothing that is on its way be stored. How many answers went.
    func purge(_ pattern: PurgePattern) async -> Int
}
