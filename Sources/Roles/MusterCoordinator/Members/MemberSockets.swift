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
    private let loops: WebSocketLoops

    /// Throws `WebSocketError` where the system has no descriptors left.
    init(
        _ common: Common, holder: any LineHolder, heartbeats: any Heartbeats, threads: Int
    ) throws(WebSocketError) {
        callers = Callers(common)
        self.holder = holder
        hearing = MemberHearing(common.lock, heartbeats)
        var limits = WebSocketLimits()
        limits.messageBytesMax = Limits.memberMessageBytesMax
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
            WebSocketHandshake.answer(request) { [loops, holder] line in
                let socket = loops.adopt(line, of: id.rawValue)
                holder.open(.socket(socket), of: id, seen: seen)
            })
    }
}

/// Hears heartbeats: all that came at one time under one lock.
private final class MemberHearing: WebSocketAudience {
    private let lock: FleetLock
    private let heartbeats: any Heartbeats
    private let ended = Mutex<[Int: Int]>([:])

    init(_ lock: FleetLock, _ heartbeats: any Heartbeats) { (self.lock, self.heartbeats) = (lock, heartbeats) }

    func take(_ messages: [WebSocketMessage]) {
        var beats: [(socket: WebSocket, id: MemberID, beat: Heartbeat)] = []
        beats.reserveCapacity(messages.count)
        for message in messages {
            let id = MemberID(message.socket.owner)
            do throws(Problem) {
                beats.append((message.socket, id, try Heartbeat(body: message.bytes, member: id)))
            } catch {
                MemberLine.socket(message.socket).tell(MemberNotice("error", data: Self.refusal(message.bytes, error)))
            }
        }
        let answers = lock.withLock { fleet in
            beats.map { socket, id, beat -> HeartbeatAnswer? in
                // Nothing to answer: its line was ended when it went.
                guard fleet.core.membership.contains(id) else { return nil }
                fleet.handle(.membership(.seen(id)))
                heartbeats.take(beat, of: id, &fleet)
                return beat.number == nil ? nil : heartbeats.answer(to: beat, of: id, fleet)
            }
        }
        for (beat, answer) in zip(beats, answers) {
            guard let answer else { continue }
            MemberLine.socket(beat.socket).tell(MemberNotice("heartbeat", data: answer.body))
        }
    }

    /// With the number of what was refused, where that can be read.
    private static func refusal(_ text: [UInt8], _ problem: Problem) -> [UInt8] {
        let members = (try? JSONValue(parsing: text))?.members
        guard let number = members?.first(where: { $0.key == "number" })?.value.int else { return problem.body }
        return problem.body.dropLast() + Array(",\"number\":\(number)}".utf8)
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
