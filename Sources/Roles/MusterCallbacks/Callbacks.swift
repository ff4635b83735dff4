package import MusterCore
package import MusterHTTPClient
internal import MusterJSON
internal import MusterWire
internal import Synchronization

/// Members that hold no stream but take commands at a URL of theirs: `POST {callback}/receive-command`, one after the other at
/// each, and a look once a second at whether they still accept connections.
package final class Callbacks: Sendable {
    private struct Queue {
        var waiting: [CommandRecord]
        var url: String
    }

    /// What became of a delivery.
    package enum Answer: Sendable { case delivered, refused }

    private static let answerTime: Duration = .seconds(5)
    private static let connectTime: Duration = .seconds(1)
    private static let answerBytesMax = 64 << 10
    private static let probesAtOnce = 64

    private let client: HTTPClient
    private let queues = Mutex<[MemberID: Queue]>([:])
    private let onAnswer = Mutex<(@Sendable (MemberID, CommandID, Answer) -> Void)?>(nil)

    package init(client: HTTPClient) { self.client = client }

    package func onAnswer(_ handler: @escaping @Sendable (MemberID, CommandID, Answer) -> Void) {
        onAnswer.withLock { $0 = handler }
    }

    /// Only queues. The core bounds how many there are.
    package func send(_ commands: [CommandRecord], to member: MemberRecord) {
        let isFirst = queues.withLock { queues in
            let url = member.callback + "/receive-command"
            guard let queue = queues[member.id] else {
                queues[member.id] = Queue(waiting: commands, url: url)
                return true
            }
            // One that joined again is sent all once more, perhaps elsewhere.
            let last = queue.waiting.last?.id ?? CommandID(0)
            queues[member.id]!.waiting += commands.filter { $0.id > last }
            queues[member.id]!.url = url
            return false
        }
        if isFirst { Task { await drain(member.id) } }
    }

    /// It is no member any more.
    package func forget(_ id: MemberID) { queues.withLock { $0[id] = nil } }

    private func drain(_ id: MemberID) async {
        var backoff = Backoff(cap: .seconds(1))
        var random = SystemRandomNumberGenerator()
        while let (command, url) = next(id) {
            if let answer = await deliver(command, url) {
                backoff.reset()
                guard isFirst(command.id, of: id) else { continue }
                // Before it leaves the queue, so that nobody sends it once more.
                onAnswer.withLock { $0 }?(id, command.id, answer)
                queues.withLock { queues in
                    if queues[id]?.waiting.first?.id == command.id { queues[id]!.waiting.removeFirst() }
                }
            } else {
                try? await Task.sleep(for: backoff.next(using: &random))
            }
        }
    }

    private func isFirst(_ command: CommandID, of id: MemberID) -> Bool {
        queues.withLock { $0[id]?.waiting.first?.id == command }
    }

    private func next(_ id: MemberID) -> (CommandRecord, String)? {
        queues.withLock { queues in
            guard let queue = queues[id] else { return nil }
            guard let first = queue.waiting.first else {
                queues[id] = nil
                return nil
            }
            return (first, queue.url)
        }
    }

    /// Nil: nobody answered, so it is tried again for as long as the member is one.
    private func deliver(_ command: CommandRecord, _ url: String) async -> Answer? {
        var json = JSONWriter()
        json.beginObject()
        json.key("sender")
        if let rank = command.rank { json.value(rank) } else { json.null() }
        json.field("command", command.text)
        json.endObject()
        var request = HTTPClientRequest("POST", url, timeout: Self.answerTime)
        request.headers = [("Content-Type", "application/json")]
        request.body = json.bytes
        request.connectTimeout = Self.connectTime
        request.responseBytesMax = Self.answerBytesMax
        do {
            let response = try await client.send(request)
            return (200..<300).contains(response.status) ? .delivered : .refused
        } catch let error as HTTPClientError where error.code == .tooLarge {
            // It has it, and talks too much.
            return .refused
        } catch {
            return nil
        }
    }

    /// Which of them accept connections now.
    package func reachable(_ members: [(id: MemberID, url: String)]) async -> [MemberID] {
        await withTaskGroup(of: MemberID?.self) { group in
            var rest = members[...]
            for member in rest.prefix(Self.probesAtOnce) { group.addTask { await self.probe(member) } }
            rest = rest.dropFirst(Self.probesAtOnce)
            var found: [MemberID] = []
            while let id = await group.next() {
                if let id { found.append(id) }
                if let member = rest.popFirst() { group.addTask { await self.probe(member) } }
            }
            return found
        }
    }

    private func probe(_ member: (id: MemberID, url: String)) async -> MemberID? {
        var request = HTTPClientRequest("GET", member.url, timeout: Self.connectTime)
        request.connectTimeout = Self.connectTime
        request.connectsOnly = true
        do {
            _ = try await client.send(request)
            return member.id
        } catch let error as HTTPClientError {
            // Whoever breaks off has accepted before.
            return [.broken, .tls, .tooLarge].contains(error.code) ? member.id : nil
        } catch {
            return nil
        }
    }
}
