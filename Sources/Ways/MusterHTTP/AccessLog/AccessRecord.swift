internal import MusterAPI
internal import MusterJSON
internal import MusterSystem

/// How the lines of `--access-log` are written.
package enum AccessFormat: String, CaseIterable, Sendable {
    /// The Common Log Format, as Apache's httpd and nginx write it.
    case common
    /// One JSON object a line.
    case json
}

/// What an access log keeps of one request: numbers and texts as they came, made fit to be read only when the line is written.
struct AccessRecord: Sendable {
    /// The line's status where a client went, or was cut off, before it had an answer.
    static let goneStatus = 499
    /// A line is no longer than what a pipe takes in one piece (PIPE_BUF), so that lines of several processes never mix.
    static let lineBytesMax = 4_096

    var client: String
    /// When its first line came.
    var wallClockMs: Int64
    /// From then to its last byte.
    var nanoseconds: Int64
    var method: String
    var target: String
    /// As in the request line: `HTTP/1.1`.
    var version: String
    var status: Int
    /// Of the body, without its header; of a transfer that was cut, about.
    var bytes: UInt64
    /// What a cache says of its answer.
    var cache: String?
    var cacheStatus: String?

    /// With its newline. `server` names the process.
    func line(_ format: AccessFormat, server: String) -> [UInt8] {
        var line = format == .common ? common : json(server: server)
        line.append(0x0A)
        return line
    }

    private var common: [UInt8] {
        let request = "\(LoggedText.word(method)) \(LoggedText.target(target)) \(LoggedText.word(version))"
        return Array(
            "\(host) - - [\(CivilTime(wallClockMs).common)] \"\(request)\" \(status) \(bytes == 0 ? "-" : String(bytes))"
                .utf8)
    }

    private var host: String { client.isEmpty ? "-" : LoggedText.word(client) }

    private func json(server: String) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("time", CivilTime(wallClockMs).rfc3339)
        json.field("server", LoggedText.word(server))
        json.field("client", host)
        json.field("method", LoggedText.word(method))
        json.field("target", LoggedText.target(target))
        json.field("protocol", LoggedText.word(version))
        json.field("status", status)
        json.field("bytes", Int(clamping: bytes))
        json.field("seconds", Double(max(0, nanoseconds) / 1_000) / 1e6)
        if let cache { json.field("cache", LoggedText.word(cache)) }
        if let own = cacheStatus.map(NearestCache.init) {
            // Why, and with what success, somebody was asked.
            if let reason = own["fwd"] { json.field("fetch", LoggedText.word(reason)) }
            if let status = own["fwd-status"].flatMap({ Int($0) }) { json.field("fetchStatus", status) }
            if own["collapsed"] != nil { json.field("fetchShared", true) }
        }
        json.endObject()
        return json.bytes
    }
}

/// The parameters of the last member of a `Cache-Status`: of the cache that is nearest to the client (RFC 9211, 2).
struct NearestCache {
    private var parameters: [String: String] = [:]

    init(_ field: String) {
        var member: [[UInt8]] = [[]]
        var isQuoted = false
        for byte in field.utf8 {
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            switch byte {
            case UInt8(ascii: ",") where !isQuoted: member = [[]]
            case UInt8(ascii: ";") where !isQuoted: member.append([])
            default: member[member.count - 1].append(byte)
            }
        }
        for part in member.dropFirst() {
            let words = part.filter { $0 != 0x20 }.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            parameters[String(decoding: words[0], as: UTF8.self)] =
                words.count > 1 ? String(decoding: words[1], as: UTF8.self) : ""
        }
    }

    /// Nil: it has none of that name.
    subscript(_ name: String) -> String? { parameters[name] }
}
