internal import MusterCore
internal import MusterElection
internal import MusterSimulation

/// What one simulated edge stores, and how it comes and goes: the driver of copies, purges and version floors.
final class EdgeReplica {
    struct Held {
        var version: UInt64
        /// When the origin gave it, to whichever edge.
        var fetched: Moment
    }

    /// A copy on its way here.
    final class Flight { var mayStore = true }

    /// What whoever gives a copy knows of purges and changes, told along with it.
    struct Standing {
        var digest: UInt64
        var position: UInt64
    }

    let id: EdgeID
    unowned let node: EdgeNode
    unowned let world: EdgeWorld
    // On the disk.
    private(set) var held: [Int64: Held] = [:]
    private var storedLog = PurgeLog()
    private(set) var position: UInt64 = 0
    // In memory.
    private(set) var digest = PurgeLog().digest
    var log = PurgeLog() { didSet { digest = log.digest } }
    private var floors = VersionFloors()
    private var flights: [Int64: Flight] = [:]
    var digests: [EdgeID: UInt64] = [:]
    var leaderSince = Moment.zero
    var isInTouch = false
    var isExchanging = false
    private var wanted = CopyQueue()
    private var pulling = 0

    init(_ node: EdgeNode, _ world: EdgeWorld) { (id, self.node, self.world) = (node.id, node, world) }

    var standing: Standing { Standing(digest: digest, position: position) }
    var clock: SimClock { world.clock }

    func start(losingDisk: Bool) {
        if losingDisk { (held, storedLog, position) = ([:], PurgeLog(), 0) }
        (log, floors, flights, digests) = (storedLog, VersionFloors(), [:], [:])
        (isInTouch, isExchanging, wanted, pulling) = (false, false, CopyQueue(), 0)
        leaderSince = clock.now
        followOrigin()
    }

    static func target(_ image: Int64) -> String { "/images/\(image)" }
    static func image(_ target: String) -> Int64 { Int64(target.dropFirst(8)) ?? 0 }

    // MARK: In touch

    /// What another edge knows of purges, told with each message.
    func heard(_ digest: UInt64, from peer: EdgeID) {
        digests[peer] = digest
        seeToTouch()
    }

    /// `isLate`: this process was frozen, so what the others forgot meanwhile is not known here.
    func ticked(isLate: Bool) {
        if isLate { isInTouch = false }
        seeToTouch()
    }

    // MARK: The origin

    func followOrigin() {
        guard node.isUp else { return }
        let life = node.life
        world.origin.follow(id, since: position) { [weak self] change in
            guard let self, node.life == life else { return }
            _ = node.reach { [self] in apply(change) }
        }
    }

    private func apply(_ change: EdgeOrigin.Change) {
        let image = change.image
        floors.raise(image, to: change.version)
        flights[image]?.mayStore = false
        let isHeld = held[image].map { $0.version < change.version } ?? false
        if isHeld { held[image] = nil }
        position = max(position, change.version)
        world.copies.told(self, change)
        if node.leader == id, isHeld, !change.isDeletion { fetch(image) }
    }

    // MARK: Clients

    func get(_ image: Int64) {
        if isInTouch, let copy = held[image] { return world.copies.served(copy, image, by: self) }
        fetch(image)
    }

    /// From the origin; then all others are told.
    func fetch(_ image: Int64) {
        guard flights[image] == nil else { return }
        let (flight, life) = (Flight(), node.life)
        flights[image] = flight
        clock.after(world.delay()) { [self] in
            let (version, fetched) = (world.origin.versionNow(of: image), clock.now)
            clock.after(world.delay()) { [self] in
                guard node.life == life else { return }
                _ = node.reach { [self] in
                    if flights[image] === flight { flights[image] = nil }
                    guard let version, insert(image, Held(version: version, fetched: fetched), flight) else { return }
                    spread(Copy(target: Self.target(image), version: version))
                }
            }
        }
    }

    private func insert(_ image: Int64, _ copy: Held, _ flight: Flight) -> Bool {
        guard flight.mayStore else { return false }
        guard floors.admits(image, copy.version) || world.bug == .keepsOlder else { return false }
        world.copies.stores(copy, over: held[image], image, at: self)
        held[image] = copy
        return true
    }

    // MARK: Copies

    private func spread(_ copy: Copy) {
        guard let leader = node.leader else { return }
        if leader == id { return order(copy) }
        node.post(to: leader) { $0.replica.filled(copy) }
    }

    private func filled(_ copy: Copy) {
        guard node.leader == id else { return }
        let image = Self.image(copy.target)
        if isInTouch, let own = held[image] {
            let own = Copy(target: copy.target, version: own.version)
            if !own.isOlder(than: copy) { return order(own) }
        }
        fetch(image)
    }

    private func order(_ copy: Copy) {
        let (leader, term) = (id, node.term)
        for peer in node.livePeers.sorted() {
            node.post(to: peer) { _ = $0.replica.receiveOrder(of: leader, term) { $0.want([copy]) } }
        }
    }

    func receiveOrder(of leader: EdgeID, _ term: Term, _ obey: (EdgeReplica) -> Void) -> Bool {
        let isObeyed = node.leader == leader && node.term == term || world.bug == .obeysAnyOrder
        if isObeyed {
            world.checker.obeyed(id, term)
            obey(self)
        }
        return isObeyed
    }

    func want(_ copies: [Copy]) {
        for copy in copies { wanted.add(copy) }
        pull()
    }

    private func pull() {
        guard let leader = node.leader, leader != id else { return }
        while pulling < 4, let copy = wanted.next() {
            let image = Self.image(copy.target)
            if let own = held[image], own.version >= copy.version ?? 0 { continue }
            guard flights[image] == nil else { continue }
            let flight = Flight()
            flights[image] = flight
            pulling += 1
            ask(leader, for: image, flight)
        }
    }

    private func ask(_ leader: EdgeID, for image: Int64, _ flight: Flight) {
        let life = node.life
        var isOver = false
        let end = { [self] (taken: (copy: Held, standing: Standing)?) in
            guard !isOver, node.life == life else { return }
            isOver = true
            if flights[image] === flight { flights[image] = nil }
            pulling -= 1
            if let taken, trusts(taken.standing) { _ = insert(image, taken.copy, flight) }
            pull()
        }
        let asker = id
        node.post(to: leader) { giver in
            let replica: EdgeReplica = giver.replica
            let given = replica.isInTouch ? replica.held[image].map { ($0, replica.standing) } : nil
            giver.post(to: asker) { _ in end(given) }
        }
        node.after(.milliseconds(800)) { end(nil) }
    }

    /// A copy from somebody who does not know what this edge was told may be what this edge was told to forget.
    private func trusts(_ other: Standing) -> Bool {
        (other.digest == digest || world.bug == .pullsUnpurged)
            && (other.position >= position || world.bug == .keepsOlder)
    }

    // MARK: Purges

    func forget(_ image: Int64) {
        if world.bug != .storesWhatFlies { flights[image]?.mayStore = false }
        held[image] = nil
    }

    /// On the disk after a while; `done` then, unless the process ended.
    func keepLog(_ done: @escaping () -> Void) {
        let (diskLife, kept) = (node.diskLife, log)
        node.write { [self] in
            if node.diskLife == diskLife { _ = storedLog.merge(kept.purges, forgotten: kept.forgotten) }
        } done: {
            done()
        }
    }

    /// A new leader: whatever it has is wanted, once it is known what it has purged.
    func leaderChanged() {
        leaderSince = clock.now
        wanted.removeAll()
        if let leader = node.leader, leader != id { catchUp(from: leader, tries: 10) }
    }

    private func catchUp(from leader: EdgeID, tries: Int) {
        guard tries > 0, node.leader == leader else { return }
        var isAnswered = false
        let (asker, life) = (id, node.life)
        node.post(to: leader) { giver in
            guard giver.replica.isInTouch else { return }
            let copies = giver.replica.held.sorted { $0.key < $1.key }.map {
                Copy(target: Self.target($0.key), version: $0.value.version)
            }
            giver.post(to: asker) { taker in
                guard taker.life == life else { return }
                isAnswered = true
                if taker.leader == leader { taker.replica.want(copies) }
            }
        }
        node.after(.milliseconds(300)) { [self] in if !isAnswered { catchUp(from: leader, tries: tries - 1) } }
    }
}
