import MusterCore

/// One client: its process, its connection, what it has.
final class RankClient {
    private unowned let world: RankWorld
    private let number: Int
    private var process = 0
    private var isAlive = false
    private var pausedUntil = Moment.zero
    private var identity: MemberID?
    private var connection: UInt64?
    private var seen = CommandID(0)
    /// Messages of a connection come in order: none before the one before it.
    private var arrivesAfter = Moment.zero
    private var inbox: [(connection: UInt64, action: () -> Void)] = []

    init(_ world: RankWorld, number: Int) {
        self.world = world
        self.number = number
    }

    private var isPaused: Bool { world.clock.now < pausedUntil }

    func start() {
        guard !isAlive else { return }
        isAlive = true
        process += 1
        seen = CommandID(0)
        connection = nil
        inbox = []
        live(process)
        beat(process)
        talk(process)
    }

    /// Nothing disturbs it any more.
    func heal() {
        pausedUntil = .zero
        if !isAlive { start() }
    }

    func kill() {
        guard isAlive else { return }
        isAlive = false
        hangUp()
        world.clock.after(world.random.milliseconds(50...4_000)) { [self] in start() }
    }

    func leave() {
        guard isAlive, let identity else { return }
        world.coordinator.left(identity)
        self.identity = nil
        kill()
    }

    func pause(_ time: Duration) { pausedUntil = world.clock.now + time }

    func breakConnection() {
        guard isAlive, connection != nil else { return }
        hangUp()
    }

    private func hangUp() {
        guard let number = connection, let identity else { return }
        connection = nil
        world.clock.after(world.random.milliseconds(0...50)) { [world] in
            world.coordinator.disconnected(identity, number)
        }
    }

    /// The other side hung up.
    func lost(_ number: UInt64) { if connection == number { connection = nil } }

    /// Joins and connects whenever it is not connected.
    private func live(_ current: Int) {
        world.clock.after(world.random.milliseconds(20...300)) { [self] in
            guard isAlive, process == current else { return }
            defer { live(current) }
            guard !isPaused, connection == nil, !isLost() else { return }
            // What comes at once comes over the new connection already.
            arrivesAfter = world.clock.now
            if let identity, let number = world.coordinator.connect(identity, seen: seen, self) {
                connection = number
            } else {
                world.coordinator.join(identity, incarnation: "\(self.number)/\(process)") { [self] id in
                    if isAlive, process == current { identity = id }
                }
            }
        }
    }

    private func beat(_ current: Int) {
        world.clock.after(.seconds(1)) { [self] in
            guard isAlive, process == current else { return }
            if !isPaused { tellSeen() }
            beat(current)
        }
    }

    private func talk(_ current: Int) {
        world.clock.after(world.random.milliseconds(100...3_000)) { [self] in
            guard isAlive, process == current else { return }
            if world.isStormy, !isPaused, let identity { world.coordinator.send(from: identity) }
            talk(current)
        }
    }

    /// One request of twenty gets lost while it storms.
    private func isLost() -> Bool { world.isStormy && world.random.chance(0.05) }

    private func tellSeen() {
        guard let identity, connection != nil, !isLost() else { return }
        let (said, current) = (seen, process)
        world.clock.after(world.random.milliseconds(0...20)) { [self] in
            guard !world.coordinator.beat(identity, acknowledged: said) else { return }
            // A stranger joins again.
            if process == current { connection = nil }
        }
    }

    func ask(_ number: UInt64) { arrive(number) { [self] in tellSeen() } }

    func deliver(_ commands: [(CommandRecord, life: Int)], _ number: UInt64) {
        arrive(number) { [self] in
            guard let identity else { return }
            for (command, life) in commands {
                if command.id <= seen, world.bug != .repeats { continue }
                seen = max(seen, command.id)
                world.checker.wasReceived(
                    command, by: RankChecker.Receiver(member: identity, process: self.number * 1_000_000 + process),
                    sentInLife: life)
            }
            tellSeen()
        }
    }

    /// Over the connection: in order, later, and not at all once it is broken.
    private func arrive(_ number: UInt64, _ action: @escaping () -> Void) {
        let current = process
        arrivesAfter = max(arrivesAfter, world.clock.now + world.random.milliseconds(0...30))
        world.clock.after(arrivesAfter - world.clock.now) { [self] in
            guard isAlive, process == current, connection == number else { return }
            inbox.append((number, action))
            read(current)
        }
    }

    private func read(_ current: Int) {
        guard isAlive, process == current else { return }
        if isPaused {
            return world.clock.after(pausedUntil - world.clock.now) { [self] in read(current) }
        }
        while !inbox.isEmpty {
            let (number, action) = inbox.removeFirst()
            if connection == number { action() }
        }
    }
}
