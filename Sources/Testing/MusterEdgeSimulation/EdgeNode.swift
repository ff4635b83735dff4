internal import MusterCore
internal import MusterElection
internal import MusterSimulation

/// One simulated edge: the driver of its election, its disk, and the connection that it holds to its leader.
final class EdgeNode {
    let id: EdgeID
    unowned let world: EdgeWorld
    private var random: SimRandom
    private var election: Election?
    /// As the election says after each input; nil while the process is down.
    private(set) var leader: EdgeID?
    private(set) var term = Term.zero
    private(set) var isUp = false
    /// Counts processes; what began in an earlier one is over.
    private(set) var life = 0
    /// The machine is gone with the process.
    private(set) var isSilent = false
    /// The newest durable term.
    private(set) var disk = Term.zero
    /// Counts disks.
    private(set) var diskLife = 0
    private var isFrozen = false
    private var inbox: [() -> Void] = []
    private(set) var replica: EdgeReplica! = nil
    private var lastTick = Moment.zero
    /// All time in which this edge was frozen, for a bug.
    private var frozenTime = Duration.zero
    private static let pauseGap = Election.Settings().pauseGap
    private static let tick = Election.Settings().tick
    private var link: (leader: EdgeID, life: Int)?

    init(_ world: EdgeWorld, _ id: EdgeID, seed: UInt64) {
        (self.world, self.id) = (world, id)
        random = SimRandom(seed: seed)
        replica = EdgeReplica(self, world)
    }

    var livePeers: Set<EdgeID> { election?.livePeers ?? [] }

    // MARK: Life

    func start(losingDisk: Bool = false) {
        guard !isUp else { return }
        if losingDisk {
            (disk, diskLife) = (.zero, diskLife + 1)
            world.copies.lostDisk(id)
        }
        (isSilent, isFrozen, inbox, link, frozenTime) = (false, false, [], nil, .zero)
        let stored = world.bug == .forgetsTerm ? .zero : disk
        lastTick = world.clock.now
        election = Election(id: id, storedTerm: stored, now: lastTick)
        isUp = true
        world.checker.started(id)
        replica.start(losingDisk: losingDisk)
        step(.peers(Set(world.known)))
        step(.started)
        tick(life)
    }

    func crash(silently: Bool) {
        guard isUp else { return }
        (election, leader, isUp) = (nil, nil, false)
        life += 1
        isSilent = silently
        guard !silently else { return }
        for node in world.nodes where node !== self { node.linkMayBreak(to: self) }
    }

    func freeze(for time: Duration) {
        guard isUp, !isFrozen else { return }
        isFrozen = true
        let (life, begin) = (life, world.clock.now)
        world.clock.after(time) { [self] in
            guard self.life == life else { return }
            isFrozen = false
            frozenTime += world.clock.now - begin
            let waiting = inbox
            inbox = []
            if random.chance(0.5) { step(.ticked) }
            for action in waiting where self.life == life { action() }
        }
    }

    private func tick(_ life: Int) {
        let jitter = Duration.microseconds(Int.random(in: 0...1_000, using: &random))
        world.clock.after(Self.tick + jitter) { [self] in
            guard self.life == life else { return }
            if !isFrozen { step(.ticked) }
            tick(life)
        }
    }

    // MARK: Inputs

    func handle(_ event: Election.Event) { _ = reach { [self] in step(event) } }

    /// Whether somebody took it: false when the connection is refused, nil when nobody says anything.
    func reach(_ action: @escaping () -> Void) -> Bool? {
        guard isUp else { return isSilent ? nil : false }
        if !isFrozen {
            action()
        } else if inbox.count < 10_000 {
            inbox.append(action)
        }
        return true
    }

    /// Later, in this process.
    func after(_ time: Duration, _ action: @escaping () -> Void) {
        let life = life
        world.clock.after(time) { [self] in if self.life == life { _ = reach(action) } }
    }

    /// To another edge, about what is stored; who sends it does not learn whether it came.
    func post(to peer: EdgeID, _ action: @escaping (EdgeNode) -> Void) {
        let other = world.node(peer)
        world.network.send(from: id, to: peer) {
            other.reach { action(other) }
        } failed: {
        }
    }

    private func take(_ message: ElectionMessage, _ digest: UInt64) -> Bool? {
        reach { [self] in
            step(.received(message))
            replica.heard(digest, from: message.from)
        }
    }

    func breakLink() { if let link { handle(.leaderLinkBroke(link.leader)) } }

    private func linkMayBreak(to leader: EdgeNode) {
        guard let link, link.leader == leader.id else { return }
        let life = life
        world.network.notice(from: leader.id, to: id) { [self] in
            if self.life == life, world.bug != .deafToBreaks { handle(.leaderLinkBroke(leader.id)) }
        }
    }

    private func step(_ event: Election.Event) {
        guard isUp else { return }
        let now = world.clock.now
        let isLate = now - lastTick > Self.pauseGap
        let wasFrozen = isLate && leader == id
        let seen = world.bug == .sleepsUnnoticed ? Moment.zero + (now - .zero - frozenTime) : now
        if event == .ticked || isLate { lastTick = now }
        let effects = election!.handle(world.bug == nil ? event : bent(event), now: seen)
        (leader, term) = (election!.leader, election!.term)
        if isLate || event == .ticked { replica.ticked(isLate: isLate) }
        world.checker.handled(self, event, effects, wasFrozen: wasFrozen)
        for effect in effects { perform(effect) }
    }

    /// As a bug bends it.
    private func bent(_ event: Election.Event) -> Election.Event {
        guard case .received(var message) = event else { return event }
        if world.bug == .noTurns { message.alive = [] }
        if world.bug == .obeysOlder, message.kind == .heartbeat || message.kind == .coordinator,
            message.term < term, let newer = term.next(for: message.from)
        {
            message.term = newer
        }
        return .received(message)
    }

    // MARK: Effects

    private func perform(_ effect: Election.Effect) {
        switch effect {
        case .leaderChanged(let leader, let term):
            world.note("edge \(id): leader \(leader.map(\.description) ?? "none"), term \(term.counter)")
            hold(leader)
            replica.leaderChanged()
        case .store(let term): store(term)
        case .send(let message, let peer): send(message, to: peer)
        }
    }

    private func hold(_ leader: EdgeID?) {
        link = nil
        guard let leader, leader != id else { return }
        let node = world.node(leader)
        link = (leader, node.life)
        if !node.isUp { linkMayBreak(to: node) }
    }

    private func send(_ message: ElectionMessage, to peer: EdgeID) {
        if world.bug == .beatsLivingOnly, message.kind == .heartbeat, election?.livePeers.contains(peer) == false {
            return
        }
        world.checker.sent(message)
        let (life, other, digest) = (life, world.node(peer), replica.digest)
        world.network.send(from: id, to: peer) {
            other.take(message, digest)
        } failed: { [self] in
            if self.life == life, world.bug != .deafToBreaks { handle(.undeliverable(to: peer)) }
        }
    }

    private func store(_ term: Term) {
        let diskLife = diskLife
        if world.bug == .claimsEarly { handle(.termStored(term)) }
        write { [self] in
            if self.diskLife == diskLife { disk = max(disk, term) }
        } done: { [self] in
            step(.termStored(term))
        }
    }

    /// A crash may come between the writing and its `done`. Never done while the disk is full.
    func write(_ change: @escaping () -> Void, done: @escaping () -> Void) {
        guard !world.isDiskFull else { return }
        let time = Duration.microseconds(Int.random(in: 100...world.storeMsMax * 1_000, using: &random))
        world.clock.after(time / 2, change)
        after(time, done)
    }
}
