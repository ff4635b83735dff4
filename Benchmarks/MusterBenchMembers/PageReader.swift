internal import Glibc
internal import MusterJSON

/// One open page: what `Pages/fleet.js` keeps of a fleet, got in the same way. Tells `seen` what came up and when.
final class PageReader {
    enum Kind: String {
        case jobNew = "job-new"
        case jobOver = "job-over"
        case memberNew = "member-new"
        case memberGone = "member-gone"
    }

    private struct Job {
        var isOver: Bool
        var done: Int
        var failed: Int
    }

    private var answer = AnswerReader()
    private var stream = AnswerReader()
    private var text: [UInt8] = []
    private var number = 0
    /// Changes that came before the overview; nil: it is there.
    private var waiting: [JSONValue]? = []
    private var members: Set<Int> = []
    private var jobs: [Int: Job] = [:]
    private var doing: [Int: (job: Int, tasks: Int)] = [:]
    private let seen: (Kind, Int) -> Void
    /// Times that a change was missing, or the stream broke.
    private(set) var gaps = 0
    private(set) var changes = 0
    private(set) var bytes = 0

    init(seen: @escaping (Kind, Int) -> Void) { self.seen = seen }

    var isThere: Bool { waiting == nil }

    static func request(_ path: String, token: String) -> String {
        "GET \(path) HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer \(token)\r\n\r\n"
    }

    /// What the stream brought. True: now the overview is to be asked for.
    func takeStream(_ piece: UnsafeBufferPointer<UInt8>) throws -> Bool {
        let wasOpen = stream.isOpen
        bytes += piece.count
        text += try stream.feed(piece)
        var wantsOverview = !wasOpen && stream.isOpen
        while let end = text.indices.dropLast().first(where: { text[$0] == 10 && text[$0 + 1] == 10 }) {
            let event = text[..<end]
            let mark = Array("event: change\ndata: ".utf8)
            if event.starts(with: mark) {
                wantsOverview = try take(JSONValue(parsing: Array(event.dropFirst(mark.count)))) || wantsOverview
            }
            text.removeFirst(end + 2)
        }
        return wantsOverview
    }

    private func take(_ change: JSONValue) throws -> Bool {
        changes += 1
        guard waiting == nil else {
            waiting?.append(change)
            return false
        }
        let fields = Fields(change)
        if fields.int("number") <= number { return false }
        if fields.int("number") != number + 1 {
            gaps += 1
            waiting = [change]
            return true
        }
        apply(fields)
        return false
    }

    /// What the answer to the overview brought. True: it is whole, and taken.
    func takeAnswer(_ piece: UnsafeBufferPointer<UInt8>) throws -> Bool {
        let part = try answer.feed(piece)
        body += part
        guard answer.isWhole else { return false }
        let whole = Fields(try JSONValue(parsing: body))
        (body, answer) = ([], AnswerReader())
        number = whole.int("number")
        members = Set(whole.list("members").map { Fields($0).int("id") })
        (jobs, doing) = ([:], [:])
        setDoing(whole)
        setJobs(whole, isNews: false)
        for change in waiting ?? [] {
            let fields = Fields(change)
            if fields.int("number") > number { apply(fields) }
        }
        waiting = nil
        return true
    }
    private var body: [UInt8] = []

    private func apply(_ change: Fields) {
        number = change.int("number")
        for member in change.list("members") {
            let id = Fields(member).int("id")
            if members.insert(id).inserted { seen(.memberNew, id) }
        }
        if change.has("order") {
            let here = Set(change.list("order").compactMap(\.int))
            for id in members.subtracting(here) {
                members.remove(id)
                doing[id] = nil
                seen(.memberGone, id)
            }
        }
        setDoing(change)
        var over: Set<Int> = []
        for id in change.list("over").compactMap(\.int) where jobs.removeValue(forKey: id) != nil {
            over.insert(id)
            seen(.jobOver, id)
        }
        setJobs(change, isNews: true, toldOver: over)
        for part in change.list("progress") {
            guard let triple = part.elements?.compactMap(\.int), triple.count == 3 else { continue }
            jobs[triple[0]]?.done = triple[1]
            jobs[triple[0]]?.failed = triple[2]
        }
        for event in change.list("events") {
            let fields = Fields(event)
            guard fields.text("event") == "job-forgotten", let data = fields["data"] else { continue }
            jobs[Fields(data).int("id")] = nil
        }
    }

    private func setDoing(_ part: Fields) {
        for one in part.list("doing") {
            guard let triple = one.elements?.compactMap(\.int), triple.count == 3 else { continue }
            doing[triple[0]] = triple[1] == 0 ? nil : (triple[1], triple[2])
        }
    }

    private func setJobs(_ part: Fields, isNews: Bool, toldOver: Set<Int> = []) {
        for one in part.list("jobs") {
            let fields = Fields(one)
            let id = fields.int("id")
            let isOver = ["done", "failed", "cancelled"].contains(fields.text("state"))
            let before = jobs.updateValue(
                Job(isOver: isOver, done: fields.int("done"), failed: fields.int("failed")), forKey: id)
            guard isNews, !toldOver.contains(id) else { continue }
            if before == nil { seen(.jobNew, id) }
            if isOver, before?.isOver != true { seen(.jobOver, id) }
        }
    }
}

/// The members of one JSON object, for the few that are looked at.
private struct Fields {
    private let members: [(key: String, value: JSONValue)]

    init(_ value: JSONValue) { members = value.members ?? [] }

    subscript(_ key: String) -> JSONValue? { members.first { $0.key == key }?.value }
    func has(_ key: String) -> Bool { self[key] != nil }
    func int(_ key: String) -> Int { self[key]?.int ?? 0 }
    func text(_ key: String) -> String { self[key]?.string ?? "" }
    func list(_ key: String) -> [JSONValue] { self[key]?.elements ?? [] }
}

/// Reads one answer, cut anywhere, with its length told or in chunks.
struct AnswerReader {
    private var head: [UInt8] = []
    private(set) var isOpen = false
    private(set) var isWhole = false
    private var isChunked = false
    /// Of the body, or of the chunk; -1: the chunk's size is what comes next.
    private var left = -1
    private var line: [UInt8] = []

    /// What is of the body. Throws where the answer is none that is wanted.
    mutating func feed(_ piece: UnsafeBufferPointer<UInt8>) throws -> [UInt8] {
        var rest = piece[...]
        if !isOpen {
            head += rest
            guard let end = head.indices.dropLast(3).first(where: { head[$0] == 13 && head[$0 + 2] == 13 }) else {
                return []
            }
            let lines = String(decoding: head[..<end], as: UTF8.self).lowercased().split(separator: "\r\n")
            guard lines[0].hasPrefix("http/1.1 200") else { throw MembersError("a page was refused: \(lines[0])") }
            isOpen = true
            isChunked = lines.contains("transfer-encoding: chunked")
            if !isChunked {
                left = lines.first { $0.hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) } ?? 0
            }
            rest = rest.suffix(head.count - end - 4)
            head = []
        }
        var body: [UInt8] = []
        while !rest.isEmpty, !isWhole {
            if left < 0 {
                let byte = rest.removeFirst()
                if byte != 10 { line.append(byte) }
                // Behind each chunk's bytes stands an empty line.
                guard byte == 10, line != [13] else {
                    if byte == 10 { line = [] }
                    continue
                }
                left = Int(String(decoding: line.dropLast(), as: UTF8.self), radix: 16) ?? 0
                line = []
                if left == 0 { isWhole = true }
                continue
            }
            let part = rest.prefix(left)
            body += part
            rest = rest.dropFirst(part.count)
            left -= part.count
            if left == 0 { if isChunked { left = -1 } else { isWhole = true } }
        }
        return body
    }
}
