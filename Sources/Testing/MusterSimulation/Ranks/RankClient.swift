internal import MusterCore

/// A member: joins, beats, holds a connection, takes commands, sends some; may be killed, paused, started again.
final class RankClient {
    let number: Int
    private let world: RankWorld
    private var random: SimRandom
    /// Kept through restarts by members that have a disk.
    private var identity: MemberID?
    private let keepsIdentity: Bool
    /// It takes calls instead of holding a connection.
    private let isCalled: Bool
    /// Calls that this process took.
    private var called: Set<String> = []
    private var seen = CommandID(0)
    private var connection: RankConnection?
    /// The last command that came over it.
    private var lastArrived = CommandID(0)
    private(set) var isRunning = false
    private var pausedUntil = Moment.zero
    /// What came while it was paused.
    private var held: [() -> Void] = []
    /// Counts processes, and tries to live within one.
    private var life = 0
    private var attempt = 0
    private var sentCount = 0

    init(_ world: RankWorld, _ number: Int, seed: UInt64) {
        (self.world, self.number) = (world, number)
        random = SimRandom(seed: seed)
        keepsIdentity = random.chance(0.4)
        isCalled = random.chance(0.25)
    }

    private var incarnation: String { "client \(number), process \(life)" }

    func start() {
        guard !isRunning else { return }
        isRunning = true
        life += 1
        seen = CommandID(0)
        called = []
        if !keepsIdentity { identity = nil }
        join()
        beat(life)
        talk(life)
    }

    func kill() {
        guard isRunning else { return }
        isRunning = false
        drop()
        life += 1
    }

    /// Says goodbye, once, and ends.
    func leave() {
        guard isRunning else { return }
        if let identity { ask(.leave(identity)) { _ in } }
        kill()
    }

    func pause(for time: Duration) { pausedUntil = max(pausedUntil, world.clock.now + time) }
    func resume() { pausedUntil = world.clock.now }

    /// A paused process does everything later, in the same order; an ended one nothing.
    private func whenAwake(_ current: Int, _ action: @escaping () -> Void) {
        guard life == current else { return }
        if held.isEmpty, pausedUntil <= world.clock.now { return action() }
        held.append { [self] in if life == current { action() } }
        if held.count == 1 { wake() }
    }

    private func wake() {
        world.clock.after(max(.zero, pausedUntil - world.clock.now)) { [self] in
            guard pausedUntil <= world.clock.now else { return wake() }
            let actions = held
            held = []
            for action in actions { action() }
        }
    }

    private func ask(_ request: RankRequest, _ reply: @escaping (RankReply) -> Void) {
        let current = life
        world.network.send(number) { [self] in
            world.coordinator.receive(request) { [self] answer in
                world.network.send(number) { [self] in whenAwake(current) { reply(answer) } }
            }
        }
    }

    // MARK: Joining

    private func join() {
        drop()
        attempt += 1
        let (life, attempt) = (life, attempt)
        var isJoined = false
        let request = RankRequest.join(
            identity, name: "m\(number).\(keepsIdentity ? 0 : life)", incarnation: incarnation,
            callback: isCalled ? "\(number)" : "")
        ask(request) { [self] reply in
            guard attempt == self.attempt, case .joined(let id) = reply else { return }
            (identity, isJoined) = (id, true)
            if !isCalled { openConnection(id) }
        }
        world.clock.after(.milliseconds(1_500)) { [self] in
            whenAwake(life) { [self] in
                if attempt == self.attempt, connection == nil, !(isCalled && isJoined) { join() }
            }
        }
    }

    private func openConnection(_ id: MemberID) {
        let new = RankConnection(world.newConnection(), number)
        connection = new
        lastArrived = seen
        var isAnswered = false
        ask(.openConnection(id, new, seen: seen)) { [self] reply in
            isAnswered = true
            if connection === new, case .stranger = reply { join() }
        }
        let life = life
        world.clock.after(.seconds(3)) { [self] in
            whenAwake(life) { [self] in if connection === new, !isAnswered { join() } }
        }
    }

    /// Lets go of the connection; the far end's kernel hears of it.
    private func drop() {
        guard let old = connection, let identity else { return }
        connection = nil
        old.isOver = true
        world.network.notice(number) { [world] in world.coordinator.hearOfBreak(identity, old) }
    }

    func broke(_ old: RankConnection) {
        whenAwake(life) { [self] in
            guard isRunning, connection === old else { return }
            connection = nil
            join()
        }
    }

    // MARK: Living

    func receive(_ message: RankMessage, over source: RankConnection) {
        whenAwake(life) { [self] in
            guard connection === source else { return }
            if case .command(let command) = message { take(command) }
            acknowledge()
        }
    }

    private func take(_ command: CommandRecord) {
        guard let identity else { return }
        world.checker.arrived(command.id, after: lastArrived, at: identity)
        lastArrived = command.id
        guard command.id > seen else { return }
        seen = command.id
        world.checker.took(
            command.text, identity, process: incarnation,
            isStored: world.store.commands[command.id]?.record.text == command.text)
    }

    // MARK: Calls

    /// Whether this is the member that it is, and its kernel takes connections.
    func isThere(_ member: MemberID) -> Bool { isRunning && identity == member }

    /// Takes a command, or refuses one of five.
    func called(_ command: CommandRecord, _ member: MemberID, _ answer: @escaping (_ isRefused: Bool) -> Void) {
        guard isThere(member) else { return }
        whenAwake(life) { [self] in
            guard isThere(member) else { return }
            if command.id.rawValue % 5 == 0 {
                world.checker.refused(command.text, member)
                return answer(true)
            }
            if called.insert(command.text).inserted {
                world.checker.took(
                    command.text, member, process: incarnation,
                    isStored: world.store.commands[command.id]?.record.text == command.text)
            }
            answer(false)
        }
    }

    private func acknowledge() {
        guard let identity else { return }
        let attempt = attempt
        ask(.heartbeat(identity, acknowledged: seen)) { [self] reply in
            if attempt == self.attempt, case .stranger = reply { join() }
        }
    }

    private func beat(_ current: Int) {
        world.clock.after(.seconds(1)) { [self] in
            whenAwake(current) { [self] in
                if connection != nil || isCalled { acknowledge() }
                beat(current)
            }
        }
    }

    private func talk(_ current: Int) {
        world.clock.after(random.milliseconds(50...3_000)) { [self] in
            whenAwake(current) { [self] in
                if let identity, !world.isHealed {
                    for _ in 0..<(random.chance(0.1) ? 20 : 1) {
                        sentCount += 1
                        send("command \(sentCount) of client \(number)", from: identity)
                    }
                }
                talk(current)
            }
        }
    }

    private func send(_ text: String, from id: MemberID) {
        ask(.send(id, text)) { [world] reply in if case .accepted = reply { world.checker.answered(text) } }
    }
}
