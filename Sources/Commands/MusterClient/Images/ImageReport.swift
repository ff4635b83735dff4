package import MusterAPI
package import MusterCommandLine
internal import MusterJSON
internal import MusterWire

/// What became of one request for an image, for people and for programs.
package struct ImageReport: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// `file`: where it is now; `-`: standard output.
        case got(file: String, type: String)
        case size
        case put(version: UInt64, etag: String, isNew: Bool)
        /// `isAlreadyGone`: a server that then broke off may have deleted it.
        case deleted(isAlreadyGone: Bool)
    }

    package var image: ImageID
    package var outcome: Outcome
    /// Of the image; 0 for one that was deleted.
    package var bytes: UInt64
    var source: ImageSource
    /// From the first attempt on.
    package var seconds: Double
    /// Who was asked before, and why in vain.
    var failures: [ImageFailure] = []

    init(
        image: ImageID, outcome: Outcome, bytes: UInt64, source: ImageSource, seconds: Double = 0,
        failures: [ImageFailure] = []
    ) {
        (self.image, self.outcome, self.bytes, self.source) = (image, outcome, bytes, source)
        (self.seconds, self.failures) = (seconds, failures)
    }

    /// `image 7: 48,213 bytes from edge-2 (http://127.0.0.1:8002), HIT, 3.2 ms -> x.png`.
    package var line: String {
        let bytes = bytes > UInt64(Int.max) ? "\(bytes)" : Format.count(Int(bytes))
        let cache = source.cache.map { ", \($0)" } ?? ""
        let time = ", \(Format.duration(seconds))"
        switch outcome {
        case .got(let file, _):
            let place = file == "-" ? "" : " -> \(file)"
            return "image \(image): \(bytes) bytes from \(source.shown)\(cache)\(time)\(place)"
        case .size: return "image \(image): \(bytes) bytes, says \(source.shown)\(cache)\(time)"
        case .put(let version, _, let isNew):
            let what = isNew ? "stored" : "replaced"
            return "image \(image): \(bytes) bytes \(what) as version \(version) through \(source.shown)\(time)"
        case .deleted(let isAlreadyGone):
            return "image \(image): \(isAlreadyGone ? "gone" : "deleted") through \(source.shown)\(time)"
        }
    }

    /// One JSON object, without a newline.
    package var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.field("id", image.rawValue)
        switch outcome {
        case .got(let file, let type):
            json.field("size", bytes)
            json.field("type", type)
            json.field("file", file)
        case .size: json.field("size", bytes)
        case .put(let version, let etag, let isNew):
            json.field("size", bytes)
            json.field("version", version)
            json.field("etag", etag)
            json.field("created", isNew)
        case .deleted: json.field("deleted", true)
        }
        json.key("edge")
        if let name = source.name { json.value(name) } else { json.null() }
        json.field("url", source.server.url)
        json.key("cache")
        if let cache = source.cache { json.value(cache) } else { json.null() }
        json.field("seconds", seconds)
        json.key("failures")
        json.beginArray()
        for failure in failures {
            json.beginObject()
            json.field("url", failure.server.url)
            json.field("reason", failure.reason)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}

/// Who answered, as far as the answer tells.
package struct ImageSource: Hashable, Sendable {
    package var server: ImageServer
    package var name: String?
    /// `HIT`, `MISS` or `STALE`; nil: no cache answered.
    package var cache: String?

    /// From the headers `X-Cache` and `Cache-Status` (RFC 9211), of which the last item is by the cache next to the client.
    init(_ server: ImageServer, cache: String?, status: String?) {
        self.server = server
        self.cache = cache.flatMap { ["HIT", "MISS", "STALE"].contains($0) ? $0 : nil }
        let last = status?.split(separator: ",").last?.trimmingPrefix { $0 == " " }.prefix { $0 != ";" && $0 != " " }
        let prefix = "muster-"
        name = server.name ?? last.flatMap { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : nil }
    }

    var shown: String { server.shown(name) }
}

/// Why one server gave no answer that counts, so that the next is asked.
package struct ImageFailure: Error, Hashable, Sendable {
    package var server: ImageServer
    package var reason: String
    /// Of its answer, 500 and above; nil: there was none, or it broke off.
    package var status: Int?
    /// Whether it may have done what it was asked to.
    var mayHaveActed = false

    init(_ server: ImageServer, _ reason: String, status: Int? = nil, mayHaveActed: Bool = false) {
        (self.server, self.reason) = (server, reason)
        (self.status, self.mayHaveActed) = (status, mayHaveActed)
    }

    /// When nobody is left to ask.
    package static func error(_ failures: [ImageFailure], for image: ImageID) -> CommandError {
        // Servers that are there and full, or busy, may have room later.
        let isBusy = failures.allSatisfy { [503, 507].contains($0.status) }
        let reasons = failures.map { "\($0.server.shown()): \($0.reason)" }.joined(separator: "; ")
        let count = failures.count == 1 ? "the only server asked" : "none of \(failures.count) servers"
        let verb = failures.count == 1 ? " did not serve" : " served"
        return CommandError(isBusy ? .temporary : .unavailable, "\(count)\(verb) image \(image): \(reasons)")
    }
}
