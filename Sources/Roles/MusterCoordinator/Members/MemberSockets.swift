internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterJSON
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import MusterRoutes
internal import MusterServices
internal import MusterWebSocket
internal import MusterWire
internal import Synchronization

/// Members' WebSockets: how they are opened, and what members say over them. What they hear is `MemberStreams`' business.
final class MemberSockets: Service {
    private let callers: Callers
    private let holder: any LineHolder
    private let hearing: MemberHearing
    private let work: any WorkMessages
    private let loops: WebSocketLoops

    /// Throws `WebSocketError` where the system has no descriptors left.
    init(
        _ common: Common, holder: any LineHolder, heartbeats: any Heartbeats, work: any WorkMessages, threads: Int
    ) throws(WebSocketError) {
        callers = Callers(common)
        (self.holder, self.work) = (holder, work)
        hearing = MemberHearing(common.lock, heartbeats, work)
        var limits = WebSocketLimits()
        limits.messageBytesMax = Limits.memberMessageBytesMax
        limits.takesBinary = true
        loops = try WebSocketLoops(threads, limits, hearing)
    }

    var routes: [RouteName: RouteHandler] { [.memberSocket: { [unowned self] in try open($0) }] }

    var loopCount: Int { loops.count }

    func addMetrics(to page: inout MetricsPage, _ fleet: borrowing Fleet) { hearing.addMetrics(to: &page) }

    /// Throws `WebSocketError` where the system has no threads left.
    func start() throws(WebSocketError) { try loops.start() }

    /// Whoever was told to close gets a moment to hear it.
    func stop() async { await loops.stop() }

    private func open(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try callers.sender(named: request)
        let seen = try request.lastSeenCommand()
        return .respond(
            WebSocketHandshake.answer(request) { [loops, holder, work] line in
                let socket = loops.adopt(line, of: id.rawValue)
                holder.open(.socket(socket), of: id, seen: seen)
                socket.onDisconnect { [weak socket] in if let socket { work.forget(socket) } }
            })
    }
}

/// Hears members: all that came at one time under one lock.
private final class MemberHearing: WebSocketAudience {
    private let lock: FleetLock
    private let heartbeats: any Heartbeats
    private let work: any WorkMessages
    private let ended = Mutex<[Int: Int]>([:])

    init(_ lock: FleetLock, _ heartbeats: any Heartbeats, _ work: any WorkMessages) {
        (self.lock, self.heartbeats, self.work) = (lock, heartbeats, work)
    }

    private struct Heard {
        let socket: WebSocket
        let message: MemberMessage
        var id: MemberID { MemberID(socket.owner) }
    }

    func take(_ messages: [WebSocketMessage]) {
        var heard: [Heard] = []
        heard.reserveCapacity(messages.count)
        for message in messages {
            do throws(Problem) {
                let id = MemberID(message.socket.owner)
                let said = try MemberMessage(message.bytes, isBinary: message.isBinary, of: id)
                heard.append(Heard(socket: message.socket, message: said))
            } catch {
                let number = Self.number(in: message.bytes)
                MemberLine.socket(message.socket).tell(MemberNotice("error", data: error.body(number: number)))
            }
        }
        var rest = heard[...]
        while !rest.isEmpty {
            let some = rest.prefix(Self.count(underOneLock: rest))
            rest = rest[some.endIndex...]
            let answers = lock.withLock { fleet in some.compactMap { answer(to: $0, &fleet) } }
            for (socket, answer) in answers {
                MemberLine.socket(socket).tell(MemberNotice("heartbeat", data: answer.body))
            }
        }
    }

    /// Heartbeats take a moment each; who asks for work has the scheduler look at all that wait for it.
    private static func count(underOneLock heard: ArraySlice<Heard>) -> Int {
        var work = 0
        for (count, some) in heard.enumerated() {
            if case .beat = some.message { continue }
            work += 1
            if work > 64 { return count }
        }
        return heard.count
    }

    /// What is to be answered at once. Nil, too, for one who is no member: its line was ended when it went.
    private func answer(to heard: Heard, _ fleet: inout Fleet) -> (WebSocket, HeartbeatAnswer)? {
        let (id, socket) = (heard.id, heard.socket)
        guard fleet.core.membership.contains(id) else { return nil }
        fleet.handle(.membership(.seen(id)))
        switch heard.message {
        case .ask(let ask, let number): work.ask(ask, number: number, of: id, socket, &fleet)
        case .delivery(let reports, let number): work.deliver(reports, number: number, from: id, socket, &fleet)
        case .beat(let beat):
            heartbeats.take(beat, of: id, &fleet)
            if beat.number != nil { return (socket, heartbeats.answer(to: beat, of: id, fleet)) }
        }
        return nil
    }

    /// Of a message that was refused, where it can be read.
    private static func number(in message: [UInt8]) -> Int? {
        let line = Array(message.prefix { $0 != UInt8(ascii: "\n") })
        let members = ((try? JSONValue(parsing: message)) ?? (try? JSONValue(parsing: line)))?.members
        return members?.first { $0.key == "number" }?.value.int
    }

    func wasEnded(code: Int, _ reason: String) {
        ended.withLock { $0[code, default: 0] += 1 }
        Log.info("a member's WebSocket was ended", ["code": "\(code)", "reason": reason])
    }

    func addMetrics(to page: inout MetricsPage) {
        let ended = ended.withLock { $0 }
        page.add(
            "websockets_ended_total", "counter", "WebSockets that were ended for what their client did, by code.",
            label: "code", WebSocketLimits.faults.map { ("\($0)", ended[$0] ?? 0) })
    }
}
